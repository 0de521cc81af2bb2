// SPDX-License-Identifier: Apache-2.0
// macvtap and ipvtap devices: their rings, and what is read of them.
import { type ProbeEvent, WALK } from '../../engine/mechanism.ts';
import { always, missing, untraceable } from '../../engine/unavailable.ts';

export const MACVTAP_EVENTS: readonly ProbeEvent[] = [
  walkOf('macvtap'),
  walkOf('ipvtap'),
  {
    name: 'macvtap-reads',
    measures: 'packets that macvtap and ipvtap devices hand to their guests and readers',
    mechanisms: [
      {
        name: 'fexit',
        provides: ['macvtap-reads'],
        programs: ['macvtap_read_fexit'],
        pins: true,
        needs: WALK,
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, 'tap_do_read', 4),
      },
      { name: 'none', programs: [], needs: [], tradeoff: 'right while there are none', unavailable: always },
    ],
  },
];

function walkOf(kind: 'macvtap' | 'ipvtap'): ProbeEvent {
  return {
    name: `${kind}s`,
    measures: `${kind} devices, their rings and drops`,
    mechanisms: [
      {
        name: 'walk',
        provides: [`${kind}-walk`],
        programs: [`walk_${kind}s`],
        needs: [...WALK, 'freed='],
        tradeoff: undefined,
        unavailable: (host) => missing(host, `${kind}_newlink`),
      },
      { name: 'none', programs: [], needs: [], tradeoff: 'right while there are none', unavailable: always },
    ],
  };
}
