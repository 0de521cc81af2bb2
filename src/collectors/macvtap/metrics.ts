// SPDX-License-Identifier: Apache-2.0
// The catalogue's part on macvtap and ipvtap: towards the guest is the receive side of such a device.
import { counter, counters, type Metric, series, sinceDevice } from '../../metric.ts';
import type { Device } from '../../snapshot/device.ts';

/** Subject labels: netns, device. */
export const macvtapMetrics: readonly Metric<Device>[] = [
  sinceDevice(
    counter(
      'tapscope_macvtap_offered_packets_total',
      'Packets towards the guest or reader that a macvtap or ipvtap was offered, those dropped included (rx_packets of macvlan_dev or ipvl_dev).',
      ({ macvtap }) => macvtap?.offered,
    ),
  ),
  counters(
    'tapscope_macvtap_dropped_packets_total',
    'Packets towards the guest or reader that a macvtap or ipvtap freed instead of queueing, by kernel drop reason and function (tap_handle_frame, tracepoint skb:kfree_skb).',
    ['reason', 'location'],
    ({ macvtap }) => (macvtap?.dropped ?? []).map(({ reason, location, packets }) => series(packets, reason, location)),
  ),
  counter(
    'tapscope_macvtap_delivered_packets_total',
    'Packets that a macvtap or ipvtap handed to the guest or reader (tap_do_read, read and vhost).',
    ({ macvtap }) => macvtap?.delivered,
  ),
  sinceDevice(
    counter(
      'tapscope_macvtap_receive_packets_total',
      'Packets from the guest or writer that a macvtap or ipvtap sent on (tx_packets of macvlan_dev or ipvl_dev).',
      ({ macvtap }) => macvtap?.written,
    ),
  ),
];
