// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Readers of a multiqueue tap that close, join and move while packets wait: nothing is shown as delivered that the kernel does not count.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type AgentLab, imbalances, standingLab, totalsOf } from '../../test/agent/agent-lab.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const ROUNDS = 6;

/** Not more than the kernel counts, at any look; equal to it as soon as nothing moves. */
async function assertDelivered(agent: AgentLab, lab: NamespaceLab): Promise<void> {
  for (let look = 0; look < 3; look++) {
    const { delivered } = totalsOf(await agent.device(lab.inode, 'tap0'));
    const { txPackets } = await lab.link('tap0');
    assert.ok(delivered <= txPackets, `${delivered} shown as delivered, the kernel counts ${txPackets}`);
  }
  const device = await agent.device(lab.inode, 'tap0');
  assert.equal(totalsOf(device).delivered, (await lab.link('tap0')).txPackets);
  assert.deepEqual(imbalances(device), []);
}

test('a young tap of four queues, and one descriptor closes', { skip: noLab }, async (t) => {
  const agent = await standingLab();
  for (let round = 0; round < ROUNDS; round++) {
    const lab = await namespaceLab(t);
    const testReader = await lab.testReader();
    for (const name of NAMES) await testReader.open(name, 'tap0', 'tap', 'mq', 'persist');
    await lab.raise('tap0', 100);
    await testReader.steer('a', true);
    await testReader.packet('tap0', 8, 60, { queue: 3 });
    if (round % 2 === 1) await agent.snapshot();
    await testReader.close('b'); // the last queue takes its index, with eight packets
    await assertDelivered(agent, lab);
    await testReader.close('d'); // and they are thrown out
    await assertDelivered(agent, lab);
    const totals = totalsOf(await agent.device(lab.inode, 'tap0'));
    assert.deepEqual([totals.offered, totals.enqueued, totals.purged, totals.delivered], [8, 8, 8, 0]);
  }
});

test('a queue that joined and moved between two samples', { skip: noLab }, async (t) => {
  const agent = await standingLab();
  for (const seen of [true, false]) {
    const lab = await namespaceLab(t);
    const testReader = await lab.testReader();
    await testReader.open('a', 'tap0', 'tap', 'mq', 'persist');
    await testReader.open('b', 'tap0', 'tap', 'mq', 'persist');
    await lab.raise('tap0', 100);
    if (seen) await agent.snapshot();
    await testReader.open('c', 'tap0', 'tap', 'mq', 'persist');
    await testReader.steer('a', true);
    await testReader.packet('tap0', 11, 60, { queue: 2 });
    await testReader.close('b');
    await assertDelivered(agent, lab);
    await testReader.read('c', 'all');
    await assertDelivered(agent, lab);
    const { queues, degraded } = await agent.device(lab.inode, 'tap0');
    const delivered = queues.map(({ index, counters }) => [index, counters?.delivered]);
    if (agent.mechanism('transmit') === 'raw-tracepoint')
      assert.deepEqual(delivered, [
        [0, 0],
        [1, 0],
        [2, 11],
      ]);
    assert.deepEqual(degraded, []);
  }
});
