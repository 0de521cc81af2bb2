// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Packets past the programs that count: the kernel's own counters tell how many.
import assert from 'node:assert/strict';
import test from 'node:test';
import { agentLab, imbalances, totalsOf } from '../../test/agent/agent-lab.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';

const NOTHING = { offered: 0, enqueued: 0, dropped: {}, delivered: 0, purged: 0, resized: 0, failed: 0, waiting: 0 };

test('packets that bypass the qdisc: all are counted, by the kernel’s counters, and the queue is marked', {
  skip: noLab,
}, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await agentLab(t, 'transmit=raw-tracepoint', 'consumed=arithmetic');
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  await lab.raise('tap0', 100); // more than vhost-net, where it is loaded, may hold unseen
  await testReader.packet('tap0', 150, 60, { bypass: true });
  await agent.snapshot();
  const device = await agent.device(lab.inode, 'tap0');
  assert.deepEqual(totalsOf(device).dropped, { FULL_RING: 50 });
  assert.match(device.queues[0]?.degraded.join() ?? '', /past the offered probe/);
  assert.deepEqual([device.queues[0]?.counters?.offered, device.queues[0]?.counters?.enqueued], [150, 100]);
  await testReader.read('a', 'all');
  await agent.snapshot();
  const drained = await agent.device(lab.inode, 'tap0');
  const rest = { ...NOTHING, offered: 150, enqueued: 100, dropped: { FULL_RING: 50 }, delivered: 100 };
  assert.deepEqual(totalsOf(drained), rest);
  assert.deepEqual([drained.unseen, imbalances(drained)], [{ enqueued: 100, dropped: 0 }, []]);
});
