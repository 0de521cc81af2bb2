// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// An agent that comes late: a full ring, a reader that is blocked already, a guest that vhost-net holds packets for.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Metrics, startAgent } from '../agent/serve-process.ts';
import { namespaceLab } from '../host/netns.ts';
import { until } from '../host/until.ts';

test('an agent that comes late', async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('full', 'tap0', 'tap');
  await testReader.open('blocked', 'tap1', 'tap');
  await testReader.open('guest', 'tap2', 'tap', 'vnet');
  const peers = [await lab.raise('tap0', 50), await lab.raise('tap1', 50), await lab.raise('tap2', 100)] as const;
  await testReader.udp(peers[0], 9, 80, 64);
  await testReader.readLoop('blocked', 0);
  await testReader.udp(peers[2], 9, 30, 64);
  await testReader.guest('guest'); // it finds all 30 in the ring
  await wait(500);
  const agent = await startAgent(t, ['--budget=off']);
  const value = (metrics: Metrics, what: string, device: string) =>
    metrics.value(`tapscope_${what}`, { netns: String(lab.inode), device, queue: '0' });
  await until(async () => value(await agent.metrics(), 'vhost_held_packets', 'tap2') === 30);
  const first = await agent.metrics();
  assert.deepEqual(
    [value(first, 'vhost_held_packets', 'tap2'), value(first, 'queue_delivered_packets_total', 'tap2')],
    [30, 0],
  );
  const delivered = (device: string, packets: number): Promise<void> =>
    until(async () => (await lab.link(device)).txPackets === packets);
  await testReader.offer('guest', 20);
  await delivered('tap2', 20);
  for (let look = 0; look < 3; look++) await agent.metrics(); // two at rest settle the opening balance
  await testReader.udp(peers[1], 9, 30, 64);
  await testReader.read('full', 'all');
  await delivered('tap1', 30);
  const metrics = await agent.metrics();
  assert.equal(value(metrics, 'queue_delivered_packets_total', 'tap0'), 50);
  assert.equal(value(metrics, 'queue_offered_packets_total', 'tap0'), 0);
  assert.equal(value(metrics, 'queue_delivered_packets_total', 'tap1'), 30);
  assert.deepEqual(
    [value(metrics, 'vhost_held_packets', 'tap2'), value(metrics, 'queue_delivered_packets_total', 'tap2')],
    [10, 20],
  );
  assert.doesNotMatch(metrics.text, /audit_imbalance_packets\{.*device="tap.*\} -?[1-9]/);
  assert.equal((await testReader.stop('blocked')).packets, 30);
});
