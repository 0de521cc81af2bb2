// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// A program that writes another header than the device expects: tun refuses the frames in no counter, or passes on what nobody knows.
import assert from 'node:assert/strict';
import test from 'node:test';
import { often, SECONDS } from '../../test/agent/asked-tap.ts';
import { answerTo, type Scene, scene } from '../../test/agent/on-call.ts';
import { datagram, ethernet } from '../../test/host/frames.ts';
import { noLab } from '../../test/host/netns.ts';
import type { QueueFlag } from '../../test/test-reader/test-reader.ts';

const skip = noLab;
const ADDRESS = '10.71.0.1';
const PACKET = datagram({ from: '10.71.0.2', to: ADDRESS, port: 9 });

/** The answer, the rules with their causes, and the doubts. */
async function told(one: Scene): Promise<string> {
  const { answer, findings } = await answerTo(one, 'tap1', SECONDS);
  const parts = findings.flatMap(({ rule, cause, doubts = [] }) => [
    rule === 'not-here' ? rule : `${rule}: ${cause}`,
    ...doubts,
  ]);
  return [answer, ...parts].join('; ');
}

async function written(t: Parameters<typeof scene>[0], mac: string, ...flags: readonly QueueFlag[]): Promise<Scene> {
  const one = await scene(t, 1000);
  const { lab, reader } = one;
  await reader.open('b', 'tap1', 'tap', ...flags);
  await reader.readLoop('b', 0);
  await lab.ipBatch([
    'addr flush dev tap0',
    `link set tap1 address ${mac}`,
    'link set tap1 addrgenmode none up',
    `addr add ${ADDRESS}/24 dev tap1`,
  ]);
  await (await lab.testReader()).bind(9, 8_000_000);
  return one;
}

/** Without packet information the first four bytes of the frame are taken for it. */
const INFORMATION = Buffer.from([0, 0, 8, 0]);

for (const [name, mac, before, expected] of [
  ['is missing', '02:00:00:00:00:10', [], /^warning; host-refuses: .*a header of the wrong length stands before each/],
  [
    'is missing, and what is taken for the address is a group',
    '02:00:00:00:01:10',
    [],
    /^unknown; not-here; .* are for groups, and of no protocol that the host knows/,
  ],
  ['is there', '02:00:00:00:00:10', [INFORMATION], /^ok; not-here$/],
] as const)
  test(`the packet information before each frame ${name}`, { skip }, async (t) => {
    const one = await written(t, mac, 'pi');
    const bytes = Buffer.concat([...before, ethernet(mac, PACKET)]);
    often(one, 100, () => one.reader.frame('b', 10, bytes));
    assert.match(await told(one), expected);
  });

test('frames that tun refuses in no counter, all of them, most of them, and none', { skip }, async (t) => {
  const mac = '02:00:00:00:00:10';
  const one = await written(t, mac, 'vnet');
  // Where functions can be traced, the errno of each write is known, and is a finding.
  const refused =
    /^(unknown; not-here; at least [\d ]+ writes of its program failed|(warning|critical); writer-refused)/;
  let [wrong, right] = [200, 0];
  often(one, 100, async () => {
    await one.reader.write('b', wrong, 100, { cut: 8 });
    await one.reader.frame('b', right, ethernet(mac, PACKET));
  });
  assert.match(await told(one), refused);
  right = 5;
  assert.match(await told(one), refused);
  wrong = 0;
  assert.match(await told(one), /^ok; not-here$/);
});
