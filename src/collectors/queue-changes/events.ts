// SPDX-License-Identifier: Apache-2.0
// Queues that join a device and leave it.
import { type ProbeEvent, WALK } from '../../engine/mechanism.ts';
import { always, untraceable } from '../../engine/obstacles.ts';

export const QUEUE_CHANGE_EVENTS: readonly ProbeEvent[] = [
  {
    name: 'queue-changes',
    measures: 'how often queues joined and left a device',
    mechanisms: [
      {
        name: 'fentry',
        provides: ['leavings', 'changes'],
        programs: ['left_fentry'],
        pins: true,
        needs: WALK,
        price: undefined,
        obstacle: (host) => untraceable(host, '__tun_detach', 2),
      },
      {
        name: 'walk',
        provides: ['changes'],
        programs: [],
        needs: WALK,
        price:
          'as exact, but for the only attached queue of a device: that it was detached and attached again between two snapshots is not counted',
        obstacle: always,
      },
      { name: 'none', programs: [], needs: [], price: 'only how many there are now is shown', obstacle: always },
    ],
  },
];
