// SPDX-License-Identifier: Apache-2.0
// When packets leave the ring: under its lock from Linux 7.3 on, else by looking at it when the call that took them ends.

import { type Mechanism, type ProbeEvent, WALK } from '../../engine/mechanism.ts';
import { always, untraceable } from '../../engine/unavailable.ts';
import type { Host } from '../../kernel/host.ts';

export const DEPARTURE_EVENTS: readonly ProbeEvent[] = [
  departures('departures', 'they are read', {
    programs: ['read_fexit'],
    tradeoff: 'a probe for each packet that is read; where several readers share a queue some times are not taken',
    effect: 'inexact',
    unavailable: (host) => untraceable(host, 'tun_do_read', 5),
  }),
  departures('vhost-departures', 'vhost-net takes them', {
    programs: ['peeked_fexit'],
    tradeoff: 'a probe for each packet that a guest receives',
    unavailable: (host) => untraceable(host, 'vhost_net_buf_peek', 1),
  }),
];

function departures(
  name: string,
  until: string,
  fexit: Pick<Mechanism, 'programs' | 'tradeoff' | 'effect' | 'unavailable'>,
): ProbeEvent {
  const underLock = (host: Host) => untraceable(host, '__tun_wake_queue', 3);
  const offersSeen = [...WALK, 'ended=fentry', 'transmit=fentry|raw-tracepoint'];
  return {
    name,
    measures: `how long packets lie in the ring until ${until}`,
    mechanisms: [
      {
        name: 'consumed',
        provides: ['departures'],
        programs: [],
        needs: ['consumed=fentry|fentry-preempted'],
        tradeoff: undefined,
        unavailable: underLock,
      },
      { name: 'fexit', provides: ['departures'], pins: true, onDemand: true, needs: offersSeen, ...fexit },
      { name: 'none', programs: [], needs: [], tradeoff: 'time in the ring is not shown', unavailable: always },
    ],
  };
}
