// SPDX-License-Identifier: Apache-2.0
// Queues that stop instead of dropping.
import type { ProbeEvent } from '../../engine/mechanism.ts';
import { untraceable, withoutSymbols } from '../../engine/unavailable.ts';

export const STOP_EVENTS: readonly ProbeEvent[] = [
  {
    name: 'stops',
    measures: 'stops and wakes of queues that are stopped instead of dropping (IFF_BACKPRESSURE)',
    demanded: { by: 'backpressure', mechanisms: ['fentry'] },
    mechanisms: [
      {
        name: 'fentry',
        provides: ['stops', 'stops-possible'],
        programs: [
          'woken_fentry',
          'woken_fexit',
          'forced_fentry',
          'forced_fexit',
          'detached_fentry',
          'detached_fexit',
          'closed_fentry',
          'softirq_begun',
          'softirq_ended',
        ],
        pins: true,
        needs: ['consumed=fentry|fentry-preempted'],
        tradeoff: undefined,
        unavailable: (host) => untraceable(host, '__tun_wake_queue', 3) ?? untraceable(host, 'netif_tx_wake_queue', 1),
      },
      {
        name: 'waiting',
        provides: ['stops-possible'],
        programs: [],
        needs: ['consumed=fentry|fentry-preempted'],
        tradeoff: 'attached once a device has IFF_BACKPRESSURE, because every wake of a network card pays for it',
        unavailable: (host) => untraceable(host, '__tun_wake_queue', 3),
      },
      {
        name: 'none',
        programs: [],
        needs: [],
        tradeoff: 'there is nothing to see: before Linux 7.3 tun drops and never stops',
        effect: 'none',
        unavailable: (host) =>
          withoutSymbols(host) ??
          (host.symbols?.address('__tun_wake_queue') === undefined
            ? undefined
            : { kind: 'absent', reason: 'this kernel can stop queues' }),
      },
    ],
  },
];
