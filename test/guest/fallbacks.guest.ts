// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// Where a better mechanism is refused: the same truth, or less of it, and then the product says what it does not know.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Agent, type Metrics, startAgent } from '../agent/serve-process.ts';
import { type NamespaceLab, namespaceLab } from '../host/netns.ts';
import type { TestReader } from '../test-reader/test-reader.ts';
import { exact } from './exactness.ts';
import { type Figures, figuresOf } from './figures.ts';
import { DEVICE } from './traffic-scenario.ts';

async function agentWith(t: TestContext, ...mechanisms: readonly string[]): Promise<Agent> {
  return startAgent(t, ['--budget=off', ...mechanisms.flatMap((choice) => ['--mechanism', choice])]);
}

interface Scene {
  readonly lab: NamespaceLab;
  readonly testReader: TestReader;
  /** Labels of the one queue. */
  readonly queue: Readonly<Record<string, string>>;
}

/** 1700 datagrams for a ring of 500, of which 200 are read. */
async function overflow(t: TestContext): Promise<Scene> {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', DEVICE, 'tap');
  const peer = await lab.raise(DEVICE, 500);
  await testReader.udp(peer, 9, 1700, 64);
  await testReader.read('a', 200);
  return { lab, testReader, queue: { netns: String(lab.inode), device: DEVICE, queue: '0' } };
}

/** What the agent looks at now and then only: links where it has nothing better, and owners. */
async function metricsWith(agent: Agent, seen: (metrics: Metrics) => boolean): Promise<Metrics> {
  for (let tries = 1; ; tries++) {
    const metrics = await agent.metrics();
    if (seen(metrics) || tries === 20) return metrics;
    await wait(500);
  }
}

test('nothing on the enqueue path, owners from /proc', async (t) => {
  const agent = await agentWith(t, 'transmit=arithmetic', 'owners=procfs');
  for (const path of ['start_xmit', 'fq_codel'] as const) {
    await t.test(`one queue, unshared packets by ${path}: exact`, async (t) => {
      await exact(t, agent, { life: 'slow readers', path, skb: 'unshared', threads: 1, queues: 1 }, false);
    });
  }
  await t.test('a process that holds one device is named', async (t) => {
    const { testReader, queue } = await overflow(t);
    const owner = { ...queue, pid: String(testReader.pid), comm: 'test-reader' };
    const named = (metrics: Metrics): boolean => metrics.value('tapscope_queue_owner_info', owner) === 1;
    assert.ok(named(await metricsWith(agent, named)));
  });
});

test('freed packets are not seen: drops without their reasons, no delivery', async (t) => {
  const agent = await agentWith(t, 'freed=off');
  const { lab, queue } = await overflow(t);
  const metrics = await agent.metrics();
  const { offered, dropped, txDropped, waiting } = figuresOf(metrics, lab.inode, DEVICE);
  const expected = { offered: 1700, dropped: { FULL_RING: 1200 }, txDropped: 1200, waiting: 300 };
  assert.deepEqual({ offered, dropped, txDropped, waiting }, expected);
  const unknown = ['purged', 'resized', 'failed', 'overflowed'].map((what) => `tapscope_queue_${what}_packets_total`);
  const shown = metrics.names(queue);
  assert.deepEqual(
    unknown.filter((name) => shown.has(name)),
    [],
  );
  assert.equal(metrics.value('tapscope_probe_attached', { event: 'freed' }), 0);
});

test('no walk: what rtnetlink knows, and no series that was not measured', async (t) => {
  const agent = await agentWith(t, 'devices=rtnetlink');
  const { lab } = await overflow(t);
  const counters = ({ txPackets, txDropped }: Figures) => ({ txPackets, txDropped });
  const here = (metrics: Metrics): Figures => figuresOf(metrics, lab.inode, DEVICE);
  const metrics = await metricsWith(agent, (one) => here(one).txPackets === 200);
  assert.deepEqual(counters(here(metrics)), { txPackets: 200, txDropped: 1200 });
  const names = metrics.names({ netns: String(lab.inode), device: DEVICE });
  assert.deepEqual(
    [...names].filter((name) => /_packets_total|_ring_/.test(name) && !/_device_transmit_|_receive_packets/.test(name)),
    [],
  );
  assert.equal(metrics.value('tapscope_probe_attached', { event: 'transmit' }), 0);
});
