// SPDX-License-Identifier: Apache-2.0
// The CPU on which packets are freed, beside the one that allocated them.
import { type ProbeEvent, WALK } from '../engine/mechanism.ts';
import type { OpenSubject, Parts, Subject } from '../engine/subject.ts';
import { always, type Unavailable, untraceable, withoutSymbols } from '../engine/unavailable.ts';
import type { Host } from '../kernel/host.ts';
import { counters, full, series } from '../snapshot/metric.ts';

const EVENTS: readonly ProbeEvent[] = [
  {
    name: 'allocation',
    measures: 'whether packets are freed on the CPU on which they were allocated',
    besideAccounts: true,
    mechanisms: [
      {
        name: 'fentry',
        provides: ['allocation', 'deferred-frees'],
        programs: ['consumed_typed', 'deferred_fentry'],
        onDemand: true,
        needs: WALK,
        tradeoff: 'a probe for each packet that the host consumes, and one for each that another CPU allocated',
        unavailable: (host) =>
          withoutSymbols(host) ?? withoutLocation(host) ?? untraceable(host, 'skb_attempt_defer_free', 1),
      },
      {
        name: 'tp_btf',
        provides: ['allocation'],
        programs: ['consumed_typed'],
        onDemand: true,
        needs: WALK,
        tradeoff: 'a probe for each packet that the host consumes; packets of deferred free are missing',
        unavailable: (host) => withoutSymbols(host) ?? withoutLocation(host),
      },
      { name: 'none', programs: [], needs: [], tradeoff: 'it is not shown', unavailable: always },
    ],
  },
];

/** The tracepoint skb:consume_skb names the function since 6.3; its own arguments come after the one of the hook. */
function withoutLocation(host: Host): Unavailable | undefined {
  const args = host.functionArgs('__traceiter_consume_skb');
  if (args !== undefined && args >= 3) return undefined;
  return { kind: 'absent', reason: 'the tracepoint skb:consume_skb of this kernel does not say who frees the packet' };
}

function open({ probes: { can } }: Parts): OpenSubject {
  return {
    queue: ({ sums }) => {
      if (!can('allocation')) return {};
      const count = (event: string): number => sums?.events.get(event) ?? 0;
      const [there, elsewhere] = [count('freed_where_allocated'), count('freed_elsewhere')];
      return {
        freed: can('deferred-frees') ? { there, elsewhere, deferred: count('free_deferred') } : { there, elsewhere },
      };
    },
  };
}

export const allocation: Subject = {
  name: 'allocation',
  events: EVENTS,
  open,
  direction: 'transmit',
  metrics: {
    queue: [
      full(
        counters(
          'tapscope_queue_freed_packets_total',
          'Packets that the reader or guest got, by the CPU that allocated them: the same that frees them, or another (sk_buff.alloc_cpu at consume_skb in tun_do_read). deferred: given back to that CPU (skb_attempt_defer_free), with --mechanism allocation=fentry. The others also with allocation=tp_btf.',
          ['allocated_on'],
          ({ freed }) =>
            freed
              ? [
                  series(freed.there, 'same'),
                  series(freed.elsewhere, 'other'),
                  ...(freed.deferred === undefined ? [] : [series(freed.deferred, 'deferred')]),
                ]
              : [],
        ),
      ),
    ],
  },
};
