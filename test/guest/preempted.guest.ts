// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// PREEMPT_RT: senders of real-time priority preempt another within the transmit function, on its CPU. No drop may go to another's queue.
import assert from 'node:assert/strict';
import test from 'node:test';
import { startAgent } from '../agent/serve-process.ts';
import { namespaceLab } from '../host/netns.ts';
import { figuresOf, marksOf, total } from './figures.ts';

const TAPS = ['tap0', 'tap1'] as const;
const RING = 50;
const BURSTS = 300;
const PACKETS = 200;
const CPU = '1';
const SIZE = 64;

test('packets that preempt others on their CPU', async (t) => {
  const agent = await startAgent(t, ['--budget=off']);
  const lab = await namespaceLab(t);
  const reader = await lab.testReader();
  const senders = await Promise.all(
    TAPS.map(async (tap, urgency) => {
      await reader.open(tap, tap, 'tap');
      const peer = await lab.raise(tap, RING);
      const sender = await lab.testReader();
      await lab.exec('taskset', '-a', '-p', '-c', CPU, String(sender.pid));
      if (urgency > 0) await lab.exec('chrt', '-f', '-a', '-p', '50', String(sender.pid));
      return { sender, peer };
    }),
  );
  const [often, urgent] = senders;
  assert.ok(often && urgent);
  let going = true;
  const background = (async () => {
    while (going) await often.sender.udp(often.peer, 9, 10 * PACKETS, SIZE);
  })();
  for (let burst = 0; burst < BURSTS; burst++) {
    await urgent.sender.udp(urgent.peer, 9, PACKETS, SIZE);
    if (burst % 10 === 0) for (const tap of TAPS) await reader.read(tap, 20);
  }
  going = false;
  await background;
  for (const tap of TAPS) await reader.read(tap, 'all');
  const read = await agent.metrics();
  const skipped = total(read.by('mechanism', 'tapscope_probe_missed_total', { event: 'transmit' }));
  for (let snapshot = 0; snapshot < 3; snapshot++) await agent.metrics();
  const metrics = await agent.metrics();
  for (const tap of TAPS) {
    const link = await lab.link(tap);
    const seen = figuresOf(metrics, lab.inode, tap);
    const marks = await marksOf(agent, lab.inode, tap);
    t.diagnostic(`${tap}: ${JSON.stringify({ ...seen, link, marks, skipped })}`);
    assert.ok(link.txDropped > PACKETS, 'packets are dropped');
    assert.equal(total(seen.delivered), link.txPackets, `${tap}: delivered`);
    assert.deepEqual(Object.keys(seen.dropped), ['FULL_RING'], `${tap}: reasons`);
    assert.equal(total(seen.dropped), link.txDropped, `${tap}: dropped`);
    assert.equal(seen.offered, link.txPackets + link.txDropped, `${tap}: offered`);
    assert.deepEqual(seen.imbalances, {});
    if (skipped === 0) assert.deepEqual([seen.degraded, seen.unseenEnqueued, seen.unseenDropped], [0, 0, 0]);
  }
});
