// SPDX-License-Identifier: Apache-2.0
// The catalogue's metrics of packets that are lost before tun.
import { core, counters, type Metric, series } from '../../metric.ts';
import type { Device } from '../../snapshot/device.ts';
import type { AgentState } from '../../snapshot/snapshot.ts';

/** Subject labels: netns, device. */
export const otherDropMetrics: readonly Metric<Device>[] = [
  core(
    counters(
      'tapscope_device_other_dropped_packets_total',
      'Packets towards the guest or reader lost before tun (qdisc, bridge, no reader), by kernel drop reason and the function that freed them (tracepoint skb:kfree_skb).',
      ['reason', 'location'],
      (device) => (device.otherDropped ?? []).map(({ reason, location, packets }) => series(packets, reason, location)),
    ),
  ),
];

/** No subject labels. */
export const unroutedDropMetrics: readonly Metric<AgentState>[] = [
  counters(
    'tapscope_unrouted_dropped_packets_total',
    'Packets that came into a network namespace (inode number) and that the host dropped before it chose a device for them. Any of them may have been on its way to a guest. Causes: firewall in prerouting or ingress, no route or one that leads nowhere, rp_filter; by kernel drop reason and the function that freed them (tracepoint skb:kfree_skb).',
    ['netns', 'reason', 'location'],
    ({ unrouted = [] }) =>
      unrouted.map(({ netns, reason, location, packets }) => series(packets, String(netns), reason, location)),
  ),
];
