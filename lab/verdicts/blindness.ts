// SPDX-License-Identifier: Apache-2.0
// The agent itself: what it cannot see, and a host on which there is nothing to see.
import type { Device } from '../../src/snapshot/device.ts';
import { drawn, type Entry, lostBefore } from './scenario.ts';

const readers = drawn(['tap', 'tun', 'vhost'], [500, 1000], [300, 600]);

export const BLINDNESS: readonly Entry[] = [
  {
    name: 'an agent that cannot see freed packets',
    faults: [{ device: '', rule: 'agent-blind', holds: () => true }],
    ...readers,
    mechanisms: ['freed=off'],
    setUp: (stage) => stage.serve(),
    begin: (stage) => stage.send('tap0'),
  },
  {
    name: 'an agent that has to use raw tracepoints',
    nearMissOf: 'agent-blind',
    ...readers,
    mechanisms: ['transmit=raw-tracepoint', 'freed=raw-tracepoint'],
    setUp: (stage) => stage.serve(),
    begin: (stage) => stage.send('tap0'),
  },
  {
    name: 'all is well here: whoever misses packets has to look elsewhere',
    faults: [{ device: 'tap0', rule: 'not-here', holds: moves }],
    asked: 'tap0',
    ...readers,
    setUp: (stage) => stage.serve(),
    begin: (stage) => stage.send('tap0'),
  },
  {
    name: 'somebody asks about a device that loses packets before tun',
    nearMissOf: 'not-here',
    faults: [{ device: 'tap0', rule: 'qdisc-drop', holds: lostBefore }],
    asked: 'tap0',
    ...readers,
    prepare: async (stage) => {
      await stage.serve();
      await stage.lab.tc('qdisc replace dev tap0 root tbf rate 80kbit burst 1600 limit 3000');
      return () => stage.send('tap0');
    },
  },
];

/** What watching costs. Last in the catalogue, so that the seed draws the same variants for all others. */
export const BUDGETS: readonly Entry[] = [
  {
    name: 'a budget that the load passes',
    faults: [{ device: '', rule: 'agent-over-budget', holds: () => true }],
    ...readers,
    // Each tenth of a second that is measured must have packets, also where the CPU is emulated and shared.
    rates: [1500],
    budget: 0.000_001,
    setUp: (stage) => stage.serve(),
    begin: (stage) => stage.send('tap0'),
  },
  {
    name: 'a budget that is large enough',
    nearMissOf: 'agent-over-budget',
    ...readers,
    budget: 1,
    setUp: (stage) => stage.serve(),
    begin: (stage) => stage.send('tap0'),
  },
];

function moves(before: Device, now: Device): boolean {
  return (now.counters?.txPackets ?? 0) > (before.counters?.txPackets ?? 0);
}
