// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// How long packets lay in the ring until a guest came for them.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startAgent } from '../agent/serve-process.ts';
import { namespaceLab } from '../host/netns.ts';

const PACKETS = 600;
/** Each CPU times every 256th packet of its own. */
const TIMED = 2;
const WAIT_MS = 300;

test('packets that waited for a guest', async (t) => {
  const agent = await startAgent(t, ['--budget=off', '--mechanism', 'vhost-departures=fexit']);
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap', 'vnet');
  const peer = await lab.raise('tap0', PACKETS + 1);
  const sender = await lab.testReader();
  await lab.exec('taskset', '-a', '-p', '-c', '0', String(sender.pid));
  await agent.metrics();
  const began = performance.now();
  await sender.udp(peer, 9, PACKETS, 64);
  await wait(WAIT_MS);
  await testReader.guest('a');
  await testReader.receive('a', 0);
  while ((await lab.link('tap0')).txPackets < PACKETS) await wait(20);
  const longest = (performance.now() - began) / 1000;
  const metrics = await agent.metrics();
  const sojourn = (part: string): number | undefined =>
    metrics.value(`tapscope_queue_sojourn_seconds_${part}`, { netns: String(lab.inode), device: 'tap0', queue: '0' });
  const [samples, seconds = 0] = [sojourn('count'), sojourn('sum')];
  assert.equal(samples, TIMED);
  assert.ok(
    seconds >= (TIMED * WAIT_MS) / 1000 && seconds <= TIMED * longest,
    `${seconds} s of at most ${TIMED} × ${longest} s`,
  );
});
