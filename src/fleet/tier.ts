// SPDX-License-Identifier: Apache-2.0
// Series that a fleet keeps of each tap and host: recorded where the host is scraped, and forwarded instead of all series.

export interface Recorded {
  /** level:metric:operation */
  readonly record: string;
  readonly expr: string;
}

/** Labels that identify a tap in each of its series. */
export const TAP_LABELS = ['instance', 'job', 'netns', 'device'] as const;

const ofTap = `(${TAP_LABELS.join(', ')})`;
const ofHost = '(instance, job)';

/** A counter that begins with its first hit: without a zero before it, no rate and no increase has that hit. */
const OR_NONE = 'or 0 * tapscope_device_up';

/** Each sum grows as the agent's own counters do, and is reset with them: `increase` and `rate` are right on it. */
export const OFFERED: Recorded = {
  record: 'tap:tapscope_offered_packets:sum',
  // An older kernel has no offered packets at level lean; delivered plus dropped is the same, except for packets in the ring.
  expr: [
    'sum without (queue) (tapscope_queue_offered_packets_total)',
    `tapscope_device_transmit_packets_total
+ (tapscope_device_transmit_dropped_packets_total or sum without (queue, reason) (tapscope_queue_dropped_packets_total))`,
  ].join('\nor\n'),
};
export const LOST_AT_RING: Recorded = {
  record: 'tap:tapscope_ring_lost_packets:sum',
  expr: 'sum without (queue, reason) (tapscope_queue_dropped_packets_total)',
};
export const LOST_BEFORE: Recorded = {
  record: 'tap:tapscope_before_lost_packets:sum',
  expr: `sum without (reason, location) (tapscope_device_other_dropped_packets_total)\n${OR_NONE}`,
};
export const UNCOUNTED: Recorded = {
  record: 'tap:tapscope_uncounted_lost_packets:sum',
  expr: `sum without (cause) (tapscope_uncounted_lost_packets_total)\n${OR_NONE}`,
};
/** Packets from the guest or writer that tun or the host freed, and writes that failed. EAGAIN loses nothing. */
export const REFUSED: Recorded = {
  record: 'tap:tapscope_refused_packets:sum',
  expr: `sum by ${ofTap} (
  {__name__=~"tapscope_receive_(host_)?dropped_packets_total"}
  or
  tapscope_receive_refused_writes_total{errno!="EAGAIN"}
)
or 0 * max by ${ofTap} (tapscope_device_up)`,
};
/** The state in which the reader spent most of the time in which the ring was full; at most the number of queues. */
export const READER: Recorded = {
  record: 'tap:tapscope_full_reader:ratio_rate5m',
  expr: `topk by ${ofTap} (1, sum without (queue) (rate(tapscope_reader_full_seconds_total[5m])) > 0)`,
};
/** The worst finding; its value is 3 for critical, 2 for warning, 1 for info. */
export const FINDING: Recorded = {
  record: 'tap:tapscope_finding:worst',
  expr: `topk by ${ofTap} (1, max without (queue) (
  3 * tapscope_finding{device!="",severity="critical"}
  or 2 * tapscope_finding{device!="",severity="warning"}
  or tapscope_finding{device!="",severity="info"}
))`,
};
const device = 'max without (ifindex) (tapscope_device_info)';
/** Properties of the tap, as labels: candidates for a common factor. 1: its figures are exact; 0: known not to be. */
export const INFO: Recorded = {
  record: 'tap:tapscope_info:exact',
  // At --detail core a queue's mark has the labels of its device's, which it would hide where it is 0.
  expr: `(
  ${device} * on ${ofTap} group_left (program, runtime, vm, pod, unit, tenant) tapscope_device_owner_info
  or
  ${device} unless on ${ofTap} tapscope_device_owner_info
)
* on ${ofTap} group_left () (1 - max by ${ofTap} (tapscope_queue_degraded == 1 or tapscope_device_degraded or 0 * tapscope_device_up))
* on ${ofHost} group_left (kernel, version) tapscope_build_info`,
};

export const TAP_TIER: readonly Recorded[] = [
  OFFERED,
  LOST_AT_RING,
  LOST_BEFORE,
  UNCOUNTED,
  REFUSED,
  READER,
  FINDING,
  INFO,
];

export const HOST: Recorded = {
  record: 'host:tapscope_build_info:count',
  expr: 'count without (libbpf, node_version) (tapscope_build_info)',
};

/** The state of the agent: how many events nothing measures, its cost, and whether it keeps up. */
export const HOST_TIER: readonly Recorded[] = [
  HOST,
  { record: 'host:tapscope_taps:count', expr: 'count by (instance, job) (tapscope_device_up)' },
  {
    record: 'host:tapscope_blind_events:count',
    expr: 'count by (instance, job) (sum by (instance, job, event) (tapscope_probe_attached) == 0)',
  },
  { record: 'host:tapscope_level:lean', expr: 'max by (instance, job) (tapscope_agent_level{level="lean"})' },
  { record: 'host:tapscope_overhead:ratio', expr: 'sum by (instance, job) (tapscope_overhead_ratio)' },
  { record: 'host:tapscope_events_lost:sum', expr: 'sum by (instance, job) (tapscope_events_lost_total)' },
  { record: 'host:tapscope_snapshot_errors:sum', expr: 'sum by (instance, job) (tapscope_snapshot_errors_total)' },
];
