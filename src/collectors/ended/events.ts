// SPDX-License-Identifier: Apache-2.0
// The last counters of a device, which no look at devices sees.
import { type ProbeEvent, WALK } from '../../engine/mechanism.ts';
import { always, untraceable } from '../../engine/unavailable.ts';

export const ENDED_EVENTS: readonly ProbeEvent[] = [
  {
    name: 'last-counters',
    measures: 'the kernel’s own counters of each device as it ends, its name, and the process that had it',
    alike: true,
    mechanisms: [
      {
        name: 'fentry',
        provides: ['last-counters'],
        programs: ['last_counters_fentry'],
        pins: true,
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'tun_net_uninit', 1),
      },
      {
        name: 'raw-tracepoint',
        provides: ['last-counters'],
        programs: ['last_counters_raw'],
        needs: WALK,
        tradeoff: 'as exact; a device that was never set up, and that no look saw, is not counted as ended',
        unavailable: always,
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        tradeoff:
          'of devices that end, what our own programs counted; their last second is not in the kernel’s counters',
        unavailable: always,
      },
    ],
  },
];
