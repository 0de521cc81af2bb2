// SPDX-License-Identifier: Apache-2.0
// When packets leave the ring: under its lock from Linux 7.3 on; before, on demand, when the call ends that took them (bpf/ring/dequeue-timing.bpf.h).
import { type Mechanism, type ProbeEvent, WALK } from '../engine/mechanism.ts';
import { always, untraceable } from '../engine/unavailable.ts';
import type { Host } from '../kernel/host.ts';

export function dequeueTiming(
  name: string,
  until: string,
  fexit: Pick<Mechanism, 'programs' | 'tradeoff' | 'effect' | 'unavailable'>,
): ProbeEvent {
  const underLock = (host: Host) => untraceable(host, '__tun_wake_queue', 3);
  const offersSeen = [...WALK, 'ended=fentry', 'transmit=fentry|raw-tracepoint'];
  return {
    name,
    // What it misses it sees next time: it looks at the whole way of the ring.
    besideAccounts: true,
    measures: `how long packets lie in the ring until ${until}`,
    mechanisms: [
      {
        name: 'consumed',
        provides: ['dequeue-timing'],
        programs: [],
        needs: ['consumed=fentry|fentry-preempted'],
        tradeoff: undefined,
        unavailable: underLock,
      },
      { name: 'fexit', provides: ['dequeue-timing'], pins: true, onDemand: true, needs: offersSeen, ...fexit },
      { name: 'none', programs: [], needs: [], tradeoff: 'time in the ring is not shown', unavailable: always },
    ],
  };
}
