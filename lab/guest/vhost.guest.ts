// SPDX-License-Identifier: Apache-2.0
// What vhost-net takes out of a ring and gives back is neither lost nor counted twice; what finds no room is lost, and said.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { namespaceLab } from '../netns.ts';
import type { Puppet } from '../puppet.ts';
import { type Metrics, startAgent } from '../serve.ts';

const BATCH = 64;
const RING = 100;

interface Scene {
  readonly puppet: Puppet;
  readonly send: (packets: number) => Promise<void>;
  /** vhost-net comes, and takes a whole batch of what waits. */
  readonly take: () => Promise<void>;
  readonly metrics: () => Promise<Metrics>;
  /** Of the queue, packets. */
  readonly packets: (metrics: Metrics, what: string, labels?: Readonly<Record<string, string>>) => number | undefined;
}

async function scene(t: TestContext): Promise<Scene> {
  const agent = await startAgent(t, ['--budget=off']);
  const lab = await namespaceLab(t);
  const puppet = await lab.puppet();
  await puppet.open('a', 'tap0', 'tap', 'vnet');
  const peer = await lab.raise('tap0', RING);
  const queue = { netns: String(lab.inode), device: 'tap0', queue: '0' };
  return {
    puppet,
    send: async (packets) => void (await puppet.udp(peer, 9, packets, 64)),
    take: async () => {
      await puppet.guest('a');
      await wait(500); // its worker has run
    },
    metrics: () => agent.metrics(),
    packets: (metrics, what, labels = {}) => metrics.value(`tapscope_${what}`, { ...queue, ...labels }),
  };
}

/** At rest, as the books need two looks to know. */
async function assertBalanced({ metrics }: Scene): Promise<void> {
  await wait(2500);
  const { text } = await metrics();
  assert.doesNotMatch(text, /audit_imbalance_packets\{.*device="tap0".*\} -?[1-9]/);
  assert.doesNotMatch(text, /_degraded\{.*device="tap0".*\} 1/);
}

test('vhost-net gives a batch back, and a reader takes it', async (t) => {
  const here = await scene(t);
  await here.send(80);
  await here.take();
  assert.equal(here.packets(await here.metrics(), 'ring_occupancy_packets'), 80 - BATCH);
  await here.puppet.unguest('a');
  assert.equal(here.packets(await here.metrics(), 'ring_occupancy_packets'), 80);
  assert.equal((await here.puppet.read('a', 'all')).packets, 80);
  const metrics = await here.metrics();
  assert.equal(here.packets(metrics, 'queue_delivered_packets_total'), 80);
  if (metrics.value('tapscope_probe_attached', { event: 'consumed', mechanism: 'fentry' }) === 1) {
    assert.equal(here.packets(metrics, 'queue_consumed_packets_total', { path: 'vhost' }), BATCH);
    assert.equal(here.packets(metrics, 'queue_consumed_packets_total', { path: 'read' }), 80);
  }
  await assertBalanced(here);
});

test('a ring that is full again has no room for what vhost-net gives back', async (t) => {
  const here = await scene(t);
  await here.send(BATCH);
  await here.take();
  await here.send(RING);
  await here.puppet.unguest('a');
  assert.equal((await here.puppet.read('a', 'all')).packets, RING);
  const metrics = await here.metrics();
  assert.equal(here.packets(metrics, 'queue_offered_packets_total'), BATCH + RING);
  assert.equal(here.packets(metrics, 'queue_overflowed_packets_total'), BATCH);
  assert.equal(here.packets(metrics, 'queue_delivered_packets_total'), RING);
  await assertBalanced(here);
});
