// SPDX-License-Identifier: Apache-2.0
// The part of the catalogue about single CPUs.
import { counters, type Metric, series } from '../metric.ts';
import type { Queue } from '../snapshot/queue.ts';

/** Metrics that only `--detail cpu` shows; subject labels: netns, device, queue. */
export const cpuMetrics: readonly Metric<Queue>[] = [
  counters(
    'tapscope_queue_cpu_offered_packets_total',
    'Packets that this CPU transmitted to the queue, towards the guest or reader (tun_net_xmit).',
    ['cpu'],
    (queue) => queue.perCpu.map(({ cpu, offered }) => series(offered, String(cpu))),
  ),
  counters(
    'tapscope_queue_cpu_dropped_packets_total',
    'Packets towards the guest or reader that tun_net_xmit freed on this CPU instead of queueing.',
    ['cpu'],
    (queue) => queue.perCpu.map(({ cpu, dropped }) => series(dropped, String(cpu))),
  ),
  counters(
    'tapscope_queue_cpu_softirq_sent_packets_total',
    'Packets offered to the queue by the soft interrupt NET_TX of this CPU instead of their sender. Only of queues that are stopped instead of dropping.',
    ['cpu'],
    ({ flow, perCpu }) => (flow ? perCpu.map(({ cpu, sentBySoftirq }) => series(sentBySoftirq, String(cpu))) : []),
  ),
];
