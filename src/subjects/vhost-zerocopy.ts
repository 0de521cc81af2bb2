// SPDX-License-Identifier: Apache-2.0
// Packets that vhost-net sends for guests without copying them (experimental_zcopytx): a part of the subject vhost.
import type { ProbeEvent } from '../engine/mechanism.ts';
import { always, untraceable } from '../engine/unavailable.ts';
import { counter, counters, full, gauge, type Metric, type Sample, series } from '../snapshot/metric.ts';
import type { Queue, ZeroCopy } from '../snapshot/queue.ts';
import { copiesAll } from './zerocopy-counts.ts';

export const ZEROCOPY_SYMBOLS = ['vhost_zerocopy_complete', 'vhost_zerocopy_callback'];

export const ZEROCOPY: ProbeEvent = {
  name: 'zerocopy',
  measures: 'packets that vhost-net sends for guests of taps without copying them',
  besideAccounts: true,
  mechanisms: [
    {
      name: 'fentry',
      provides: ['zerocopy'],
      programs: ['zerocopy_done_fentry', 'zerocopy_tried_fentry'],
      pins: true,
      needs: ['vhost=fentry|iterator'],
      tradeoff: undefined,
      unavailable: (host) => copiesAll() ?? untraceable(host, 'vhost_zerocopy_complete', 3),
    },
    {
      name: 'fentry-callback',
      provides: ['zerocopy'],
      programs: ['zerocopy_called_fentry', 'zerocopy_tried_fentry'],
      pins: true,
      needs: ['vhost=fentry|iterator'],
      tradeoff: 'none: the function had this name before Linux 6.10',
      effect: 'none',
      unavailable: (host) => copiesAll() ?? untraceable(host, 'vhost_zerocopy_callback', 3),
    },
    { name: 'none', programs: [], needs: [], tradeoff: 'it is not shown', unavailable: always },
  ],
};

function completed({ completed: { uncopied, copied } }: ZeroCopy): readonly Sample[] {
  return [series(uncopied, 'no'), series(copied, 'yes')];
}

export const zeroCopyMetrics: readonly Metric<Queue>[] = [
  full(
    gauge(
      'tapscope_zerocopy_outstanding_packets',
      'Packets that the guest sent, and vhost-net did not copy, that are still on their way (vhost_net_ubuf_ref.refcount).',
      ({ vhost }) => vhost?.zeroCopy?.outstanding,
    ),
  ),
  full(
    counter(
      'tapscope_zerocopy_attempts_total',
      'Packets from the guest that vhost-net passed on without copying them (tun_get_user or, of a macvtap, tap_get_user with msg_control); absent while experimental_zcopytx is off.',
      ({ vhost }) => vhost?.zeroCopy?.tried,
    ),
  ),
  full(
    counters(
      'tapscope_zerocopy_completed_total',
      'Attempts that are over, delivered or not: copied says whether they had to be copied on their way (vhost_zerocopy_complete).',
      ['copied'],
      ({ vhost }) => (vhost?.zeroCopy ? completed(vhost.zeroCopy) : []),
    ),
  ),
  full(
    counters(
      'tapscope_zerocopy_not_attempted_packets_total',
      'Packets from the guest that were copied at once although zero-copy is on. small: below 256 bytes; pending: too many are out; throttled: too many had to be copied after all; flush: while the memory table is changed (handle_tx_zerocopy).',
      ['cause'],
      ({ vhost }) => Object.entries(vhost?.zeroCopy?.notTried ?? {}).map(([cause, packets]) => series(packets, cause)),
    ),
  ),
];
