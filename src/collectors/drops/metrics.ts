// SPDX-License-Identifier: Apache-2.0
// The catalogue's metric of packets that are lost before tun.
import { counters, type Metric, series } from '../../metric.ts';
import type { Device } from '../../snapshot.ts';

/** Subject labels: netns, device. */
export const otherDropMetrics: readonly Metric<Device>[] = [
  counters(
    'tapscope_device_other_dropped_packets_total',
    'Packets towards the guest or reader lost before tun (qdisc, bridge, no reader), by kernel drop reason and the function that freed them (tracepoint skb:kfree_skb).',
    ['reason', 'location'],
    (device) => (device.otherDropped ?? []).map(({ reason, location, packets }) => series(packets, reason, location)),
  ),
];
