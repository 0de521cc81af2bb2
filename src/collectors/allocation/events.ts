// SPDX-License-Identifier: Apache-2.0
// The CPU on which a packet is freed.

import { type ProbeEvent, WALK } from '../../engine/mechanism.ts';
import { always, type Unavailable, untraceable, withoutSymbols } from '../../engine/unavailable.ts';
import type { Host } from '../../kernel/host.ts';

export const ALLOCATION_EVENTS: readonly ProbeEvent[] = [
  {
    name: 'allocation',
    measures: 'whether packets are freed on the CPU on which they were allocated',
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
