// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// What vhost-net takes out of a ring and gives back is neither lost nor counted twice; what finds no room is lost, and said.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import { allowedCpus } from '../../src/kernel/process-text.ts';
import { type Metrics, standingAgent, startAgent } from '../agent/serve-process.ts';
import { namespaceLab } from '../host/netns.ts';
import { isSince } from '../host/release.ts';
import { run } from '../host/run.ts';
import { until } from '../host/until.ts';
import type { TestReader } from '../test-reader/test-reader.ts';

const BATCH = 64;
const RING = 100;
/** So many snapshots must disagree before a device is marked, and one more to compare the first with. */
const LOOKS = 4;

interface Scene {
  readonly testReader: TestReader;
  readonly send: (packets: number) => Promise<void>;
  /** vhost-net comes, and takes a whole batch of what waits. */
  readonly take: () => Promise<void>;
  /** Resolves when the guest has that many. */
  readonly received: (packets: number) => Promise<void>;
  readonly metrics: () => Promise<Metrics>;
  /** The queue's value of `what`, in packets. */
  readonly packets: (metrics: Metrics, what: string, labels?: Readonly<Record<string, string>>) => number | undefined;
}

async function scene(t: TestContext, args: readonly string[] = []): Promise<Scene> {
  const agent = await (args.length > 0 ? startAgent(t, ['--budget=off', ...args]) : standingAgent());
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap', 'vnet');
  const peer = await lab.raise('tap0', RING);
  const queue = { netns: String(lab.inode), device: 'tap0', queue: '0' };
  const packetsOf = (metrics: Metrics, what: string, labels: Readonly<Record<string, string>> = {}) =>
    metrics.value(`tapscope_${what}`, { ...queue, ...labels });
  return {
    testReader,
    send: async (packets) => void (await testReader.udp(peer, 9, packets, 64)),
    take: async () => {
      await testReader.guest('a');
      await until(async () => (packetsOf(await agent.metrics(), 'vhost_held_packets') ?? 0) > 0); // its worker has run
    },
    received: (packets) => until(async () => (await testReader.received('a')).packets === packets),
    metrics: () => agent.metrics(),
    packets: packetsOf,
  };
}

/** Takes samples at rest first: the accounts need two of them to know. */
async function assertBalanced({ metrics }: Scene): Promise<void> {
  for (let look = 1; look < LOOKS; look++) await metrics();
  const { text } = await metrics();
  assert.doesNotMatch(text, /audit_imbalance_packets\{.*device="tap0".*\} -?[1-9]/);
  assert.doesNotMatch(text, /_degraded\{.*device="tap0".*\} 1/);
}

test('vhost-net gives a batch back, and a reader takes it', async (t) => {
  const here = await scene(t);
  await here.send(80);
  await here.take();
  assert.equal(here.packets(await here.metrics(), 'ring_occupancy_packets'), 80 - BATCH);
  assert.equal(here.packets(await here.metrics(), 'vhost_held_packets'), BATCH);
  await here.testReader.unguest('a');
  const returned = await here.metrics();
  assert.equal(here.packets(returned, 'ring_occupancy_packets'), 80);
  assert.equal(here.packets(returned, 'vhost_held_packets'), undefined);
  assert.equal(here.packets(returned, 'queue_unproduced_packets_total'), BATCH);
  assert.equal((await here.testReader.read('a', 'all')).packets, 80);
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
  await here.testReader.unguest('a');
  assert.equal((await here.testReader.read('a', 'all')).packets, RING);
  const metrics = await here.metrics();
  assert.equal(here.packets(metrics, 'queue_offered_packets_total'), BATCH + RING);
  assert.equal(here.packets(metrics, 'queue_overflowed_packets_total'), BATCH);
  assert.equal(here.packets(metrics, 'queue_unproduced_packets_total'), BATCH);
  assert.equal(here.packets(metrics, 'queue_delivered_packets_total'), RING);
  await assertBalanced(here);
});

test('a guest without buffers, with buffers that are too short, and the thread that serves it', async (t) => {
  const here = await scene(t);
  await here.testReader.guest('a');
  await here.send(1);
  await until(async () => (here.packets(await here.metrics(), 'vhost_no_buffer_total') ?? 0) >= 1);
  const starved = await here.metrics();
  assert.ok((here.packets(starved, 'vhost_no_buffer_total') ?? 0) >= 1);
  assert.equal(here.packets(starved, 'vhost_discarded_buffers_total'), 0);
  const noBuffer = here.packets(starved, 'vhost_no_buffer_total');
  const [tid = ''] = Object.keys(starved.by('tid', 'tapscope_vhost_worker_info'));
  await here.testReader.offer('a', 10);
  await here.send(9);
  await here.received(10);
  const ran = (): number => Number(readFileSync(`/proc/${tid}/schedstat`, 'utf8').split(' ')[0]) / 1e9;
  const ranBefore = ran();
  const served = await here.metrics();
  const ranAfter = ran();
  assert.equal((await here.testReader.received('a')).packets, 10);
  assert.equal(here.packets(served, 'vhost_no_buffer_total'), noBuffer);
  const name = readFileSync(`/proc/${tid}/comm`, 'utf8').trim();
  assert.equal(name, `vhost-${here.testReader.pid}`);
  assert.deepEqual(served.by('comm', 'tapscope_vhost_worker_info'), { [name]: 1 });
  const seconds = here.packets(served, 'vhost_worker_cpu_seconds_total') ?? -1;
  // It may run on for a moment after the last packet.
  assert.ok(seconds >= ranBefore && seconds <= ranAfter, `${seconds} s, ${ranBefore} to ${ranAfter} in schedstat`);
  // Of a queue at rest too.
  const mayRunOn = async () => Object.keys((await here.metrics()).by('cpus', 'tapscope_vhost_worker_affinity_info'));
  const allowed = await allowedCpus(Number(tid));
  await until(async () => (await mayRunOn())[0] === allowed);
  assert.deepEqual(await mayRunOn(), [allowed]);
  await run('taskset', ['--pid', '--cpu-list', '0', tid]);
  await until(async () => (await mayRunOn())[0] === '0');
  assert.deepEqual(await mayRunOn(), ['0']);
  await here.testReader.unguest('a');
});

test('buffers that are too short lose the packet, and are given back', async (t) => {
  const here = await scene(t);
  await here.testReader.guest('a', { buffer: 64 });
  await here.testReader.offer('a', 3);
  await here.send(2);
  await until(async () => here.packets(await here.metrics(), 'vhost_discarded_buffers_total') === 2);
  const metrics = await here.metrics();
  assert.equal(here.packets(metrics, 'vhost_discarded_buffers_total'), 2);
  assert.equal(here.packets(metrics, 'queue_failed_packets_total'), 2);
  assert.equal(here.packets(metrics, 'queue_delivered_packets_total'), 0);
  assert.equal((await here.testReader.unguest('a')).packets, 0);
  await assertBalanced(here);
});

test('sizes of batches', async (t) => {
  const underLock = isSince(7, 3);
  const here = await scene(t, underLock ? [] : ['--mechanism', 'batches=fentry']);
  await here.send(BATCH + 16);
  await here.take();
  await here.testReader.offer('a', 200);
  await here.received(BATCH + 16);
  await here.send(1);
  await here.received(BATCH + 17);
  assert.equal((await here.testReader.received('a')).packets, BATCH + 17);
  const metrics = await here.metrics();
  const buckets = metrics.by('le', 'tapscope_vhost_batch_packets_bucket', { device: 'tap0' });
  assert.deepEqual(buckets, { 1: 1, 2: 1, 4: 1, 8: 1, 16: 2, 32: 2, 64: 3, '+Inf': 3 });
  assert.equal(here.packets(metrics, 'vhost_batch_packets_sum'), BATCH + 17);
  await here.testReader.unguest('a');
});
