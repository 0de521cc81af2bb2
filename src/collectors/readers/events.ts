// SPDX-License-Identifier: Apache-2.0
// Who takes packets out, and what it does meanwhile.
import { type ProbeEvent, WALK } from '../../engine/mechanism.ts';
import { always } from '../../engine/unavailable.ts';

export const READER_EVENTS: readonly ProbeEvent[] = [
  {
    name: 'readers',
    measures: 'the thread that reads each queue, and what it does while the queue is full or stopped',
    mechanisms: [
      {
        name: 'looks',
        provides: ['readers'],
        programs: ['sample_readers'],
        needs: WALK,
        tradeoff: undefined,
        unavailable: always,
      },
    ],
  },
];
