// SPDX-License-Identifier: Apache-2.0
// What the kernel frees, and why.
import { type ProbeEvent, WALK } from '../../engine/mechanism.ts';
import { always, unlessWithoutReasons, withoutReasons, withoutSymbols } from '../../engine/unavailable.ts';

export const DROP_EVENTS: readonly ProbeEvent[] = [
  {
    name: 'freed',
    measures: 'drop reasons, packets purged and cut by a resize',
    mechanisms: [
      {
        name: 'tp_btf',
        provides: ['drops'],
        programs: ['dropped_typed'],
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) => withoutSymbols(host) ?? withoutReasons(host),
      },
      {
        name: 'raw-tracepoint',
        provides: ['drops'],
        programs: ['dropped_raw'],
        needs: WALK,
        tradeoff: 'the same counts, each drop some instructions dearer',
        unavailable: (host) => withoutSymbols(host) ?? withoutReasons(host),
      },
      {
        name: 'location',
        provides: ['drops'],
        programs: ['dropped_located'],
        needs: WALK,
        tradeoff: 'no reasons: the function that freed a packet, and whether the ring was full, say what happened',
        unavailable: (host) => withoutSymbols(host) ?? unlessWithoutReasons(host),
      },
    ],
  },
  {
    name: 'before',
    measures: 'losses before tun: qdisc, bridge, no reader',
    mechanisms: [
      {
        name: 'raw-tracepoint',
        provides: ['drops-before'],
        programs: [],
        needs: ['freed='],
        tradeoff: undefined,
        unavailable: always,
      },
    ],
  },
];
