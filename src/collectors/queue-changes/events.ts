// SPDX-License-Identifier: Apache-2.0
// Queues that join a device and leave it.
import { type ProbeEvent, WALK } from '../../engine/mechanism.ts';
import { always, untraceable } from '../../engine/unavailable.ts';

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
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, '__tun_detach', 2),
      },
      {
        name: 'walk',
        provides: ['changes'],
        programs: [],
        needs: WALK,
        tradeoff:
          'as exact, but for the only attached queue of a device: that it was detached and attached again between two snapshots is not counted',
        unavailable: ({ limits }) =>
          limits.folderRevisions
            ? undefined
            : { kind: 'absent', reason: 'sysfs counts no changes of its folders, which came with Linux 5.15' },
      },
      { name: 'none', programs: [], needs: [], tradeoff: 'only how many there are now is shown', unavailable: always },
    ],
  },
];
