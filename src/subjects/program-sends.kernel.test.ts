// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// A program that waits for its own socket reads nothing: the socket is the cause, whatever the reader of the ring looks like.
import test, { type TestContext } from 'node:test';
import { assertTold, CLEAN } from '../../test/agent/asked-tap.ts';
import { type Scene, scene } from '../../test/agent/on-call.ts';
import { noLab } from '../../test/host/netns.ts';

const skip = noLab;
/** Frames of 1 400 bytes a second: a TCP connection of this host holds a few thousand. An end that is read keeps up on a busy host. */
const PER_SECOND = { unread: 2000, drained: 300 };
const SECONDS = 6;

async function relayed(t: TestContext, by: 'tcp' | 'unix', ...end: readonly 'drained'[]): Promise<Scene> {
  const one = await scene(t, 1000);
  const sender = await one.lab.testReader();
  await one.lab.exec('ip', 'link', 'set', 'lo', 'up');
  await one.reader.relay('a', by, ...end);
  await sender.stream('s', 'tap0', PER_SECOND[end[0] ?? 'unread'], 1400);
  return one;
}

for (const [by, told] of [
  ['tcp', /^(warning|critical): program-socket-full .*the send buffer of the TCP socket of port \d+ .*is full/],
  ['unix', /^(warning|critical): program-socket-full .*the other end of the unix socket \d+ .*is full/],
] as const) {
  test(`a program waits to send by ${by}`, { skip }, async (t) => {
    const one = await relayed(t, by);
    await new Promise((resolve) => setTimeout(resolve, 4000));
    await assertTold(one, told, 'tap0', SECONDS);
  });

  test(`a program sends by ${by} to an end that is read`, { skip }, async (t) => {
    await assertTold(await relayed(t, by, 'drained'), CLEAN, 'tap0', SECONDS);
  });
}
