// SPDX-License-Identifier: Apache-2.0
// Where a better mechanism is refused: the same truth, or less of it, and then the product says what it does not know.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { type NamespaceLab, namespaceLab } from '../netns.ts';
import type { Puppet } from '../puppet.ts';
import { type Agent, type Metrics, startAgent } from '../serve.ts';
import { exact } from './exactness.ts';
import { figuresOf } from './figures.ts';

async function agentWith(t: TestContext, ...mechanisms: readonly string[]): Promise<Agent> {
  return startAgent(t, ['--budget=off', ...mechanisms.flatMap((choice) => ['--mechanism', choice])]);
}

interface Scene {
  readonly lab: NamespaceLab;
  readonly puppet: Puppet;
  readonly metrics: Metrics;
  readonly queue: Readonly<Record<string, string>>;
}

/** 1700 datagrams for a ring of 500, of which 200 are read. */
async function overflow(t: TestContext, agent: Agent): Promise<Scene> {
  const lab = await namespaceLab(t);
  const puppet = await lab.puppet();
  await puppet.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 500);
  await agent.metrics(); // the device is seen at rest
  await puppet.udp(peer, 9, 1700, 64);
  await puppet.read('a', 200);
  const metrics = await agent.metrics();
  return { lab, puppet, metrics, queue: { netns: String(lab.inode), device: 'tap0', queue: '0' } };
}

test('nothing on the enqueue path, owners from /proc', async (t) => {
  const agent = await agentWith(t, 'transmit=arithmetic', 'owners=procfs');
  for (const path of ['start_xmit', 'fq_codel'] as const) {
    await t.test(`one queue, unshared packets by ${path}: exact`, async (t) => {
      await exact(t, agent, { life: 'slow readers', path, skb: 'unshared', threads: 1, queues: 1 });
    });
  }
  await t.test('a process that holds one device is named', async (t) => {
    const { puppet, metrics, queue } = await overflow(t, agent);
    const owner = { ...queue, pid: String(puppet.pid), comm: 'puppet' };
    assert.equal(metrics.value('tapscope_queue_owner_info', owner), 1);
  });
});

test('freed packets are not seen: drops without their reasons, no delivery', async (t) => {
  const agent = await agentWith(t, 'freed=off');
  const { lab, metrics, queue } = await overflow(t, agent);
  const { offered, dropped, txDropped, waiting } = figuresOf(metrics, lab.inode, 'tap0');
  assert.deepEqual(
    { offered, dropped, txDropped, waiting },
    { offered: 1700, dropped: { FULL_RING: 1200 }, txDropped: 1200, waiting: 300 },
  );
  const unknown = ['purged', 'resized', 'failed', 'overflowed'].map((what) => `tapscope_queue_${what}_packets_total`);
  assert.deepEqual(
    unknown.filter((name) => metrics.names(queue).has(name)),
    [],
  );
  assert.equal(metrics.value('tapscope_probe_attached', { event: 'freed' }), 0);
});

test('no walk: what rtnetlink knows, and no series that nobody measured', async (t) => {
  const agent = await agentWith(t, 'devices=rtnetlink');
  const { lab, metrics, queue } = await overflow(t, agent);
  const { txPackets, txDropped } = figuresOf(metrics, lab.inode, 'tap0');
  assert.deepEqual({ txPackets, txDropped }, { txPackets: 200, txDropped: 1200 });
  const names = metrics.names({ netns: queue.netns ?? '', device: 'tap0' });
  assert.deepEqual(
    [...names].filter((name) => /_queue_|_ring_/.test(name)),
    [],
  );
  assert.equal(metrics.value('tapscope_probe_attached', { event: 'transmit' }), 0);
});
