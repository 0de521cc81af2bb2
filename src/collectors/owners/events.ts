// SPDX-License-Identifier: Apache-2.0
// The process that holds a queue.
import { type ProbeEvent, WALK } from '../../engine/mechanism.ts';
import { always, withoutSymbols } from '../../engine/unavailable.ts';

export const OWNER_EVENTS: readonly ProbeEvent[] = [
  {
    name: 'owners',
    measures: 'the process that holds each queue',
    mechanisms: [
      {
        name: 'iterator',
        provides: ['holders'],
        programs: ['queue_owners'],
        needs: WALK,
        tradeoff: undefined,
        unavailable: withoutSymbols,
      },
      {
        name: 'procfs',
        provides: ['holders-by-device'],
        programs: [],
        needs: [],
        tradeoff:
          'knows the device of a descriptor, not its queue: names no process where several hold one device, or of a macvtap',
        unavailable: always,
      },
    ],
  },
];
