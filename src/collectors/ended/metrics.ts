// SPDX-License-Identifier: Apache-2.0
// The catalogue's part on devices that have ended: sums over all of them, for their number has no bound.
import { counter, counters, type Metric, series } from '../../metric.ts';
import type { AgentState } from '../../snapshot/snapshot.ts';

type Ended = NonNullable<AgentState['ended']>;

const both = (of: (ended: Ended) => number | undefined) => (agent: AgentState) => agent.ended && of(agent.ended);

/** No subject labels. */
export const endedMetrics: readonly Metric<AgentState>[] = [
  counters(
    'tapscope_ended_devices_total',
    'Devices (tun, tap) that have ended. seen=false: no look at the host saw the device, which lived for less than a second or two (tun_net_uninit, else tracepoint qdisc:qdisc_destroy). Some seconds pass until a device counts here; its own series have gone by then.',
    ['seen'],
    ({ ended }) => (ended ? [series(ended.seen, 'true'), series(ended.unseen, 'false')] : []),
  ),
  counter(
    'tapscope_ended_inexact_devices_total',
    'Devices that have ended and whose figures here are not exact: packets that found no row of counters or are not accounted for, or an end that no program saw.',
    both(({ inexact }) => inexact),
  ),
  counter(
    'tapscope_ended_offered_packets_total',
    'Packets towards guests or readers that were offered to devices that have ended, in their whole life under watch (tun_net_xmit).',
    both(({ counts }) => counts.offered),
  ),
  counter(
    'tapscope_ended_delivered_packets_total',
    'Packets delivered to guests or readers of devices that have ended, by the kernel (tx_packets, read as the device ends).',
    both(({ counts }) => counts.delivered),
  ),
  counters(
    'tapscope_ended_dropped_packets_total',
    'Packets towards guests or readers that tun dropped on devices that have ended, by kernel drop reason (tun_net_xmit).',
    ['reason'],
    ({ ended }) => (ended?.counts.dropped ?? []).map(({ reason, packets }) => series(packets, reason)),
  ),
  counters(
    'tapscope_ended_other_dropped_packets_total',
    'Packets towards devices that have ended that were lost before tun (qdisc, bridge, no reader), by kernel drop reason and function (tracepoint skb:kfree_skb).',
    ['reason', 'location'],
    ({ ended }) =>
      (ended?.counts.droppedBefore ?? []).map(({ reason, location, packets }) => series(packets, reason, location)),
  ),
  counters(
    'tapscope_ended_uncounted_lost_packets_total',
    'Packets lost on devices that have ended that no counter of the kernel showed, by cause: as tapscope_uncounted_lost_packets_total. purged: they waited in the ring as the queue was closed (tun_queue_purge).',
    ['cause'],
    ({ ended }) => (ended?.counts.uncounted ?? []).map(({ cause, packets }) => series(packets, cause)),
  ),
  counter(
    'tapscope_ended_receive_packets_total',
    'Packets from guests or writers that devices that have ended passed on to the host, by the kernel (rx_packets, read as the device ends).',
    both(({ counts }) => counts.received),
  ),
  counters(
    'tapscope_ended_receive_dropped_packets_total',
    'Packets from guests or writers that tun freed on devices that have ended, by kernel drop reason and function (tracepoint skb:kfree_skb).',
    ['reason', 'location'],
    ({ ended }) =>
      (ended?.counts.receiveDropped ?? []).map(({ reason, location, packets }) => series(packets, reason, location)),
  ),
  counters(
    'tapscope_ended_refused_writes_total',
    'Writes from guests or writers that failed on devices that have ended, by errno (tun_chr_write_iter, tun_sendmsg).',
    ['errno'],
    ({ ended }) => (ended?.counts.refused ?? []).map(({ errno, writes }) => series(writes, errno)),
  ),
  counter(
    'tapscope_ended_unaccounted_packets_total',
    'Packets by which the equations of devices that have ended do not add up. 0: what became of every packet is known.',
    both(({ counts }) => counts.unaccounted),
  ),
];
