// SPDX-License-Identifier: Apache-2.0
// The catalogue: every metric once. Outputs, the table of docs/metrics.md and the dashboards read it; nothing else names a metric.

import { allocationMetrics } from './collectors/allocation/metrics.ts';
import { otherDropMetrics } from './collectors/drops/metrics.ts';
import { macvtapMetrics } from './collectors/macvtap/metrics.ts';
import { queueChangeMetrics } from './collectors/queue-changes/metrics.ts';
import { ownerInfo, podInfo, readerMetrics } from './collectors/readers/metrics.ts';
import { receiveDeviceMetrics, receiveQueueMetrics, redirectQueueMetrics } from './collectors/receive/metrics.ts';
import { ringMetrics } from './collectors/ring/metrics.ts';
import { flowMetrics } from './collectors/stops/metrics.ts';
import { transmitMetrics } from './collectors/transmit/metrics.ts';
import { vhostMetrics } from './collectors/vhost/metrics.ts';
import {
  core,
  counter,
  counters,
  flag,
  gauge,
  gauges,
  info,
  type Metric,
  series,
  seriesIf,
  sinceDevice,
} from './metric.ts';
import { findingMetric, type ShownFinding } from './metrics/finding.ts';
import { type Exports, exportMetrics } from './metrics/otlp.ts';
import type { Device } from './snapshot/device.ts';
import type { Queue } from './snapshot/queue.ts';

/** What runs here; the labels of `tapscope_build_info`. */
export interface Build {
  readonly version: string;
  readonly nodeVersion: string;
  readonly kernel: string;
  readonly libbpf: string;
}

/** What only the moment of a scrape knows. */
export interface ScrapeState {
  readonly build: Build;
  /** Age of the newest snapshot; undefined: there is none yet. */
  readonly snapshotAgeSeconds: number | undefined;
  readonly snapshotErrors: number;
  readonly devicesFolded: number;
  /** Clients that should not can read this. */
  readonly exposed: boolean;
  /** The active findings. */
  readonly findings: readonly ShownFinding[];
  /** undefined: there is no --otlp. */
  readonly exports?: Exports | undefined;
}

/** Subject labels: netns, device, queue (no queue at `--detail device`). */
export const queueMetrics: readonly Metric<Queue>[] = [
  ...transmitMetrics,
  gauges(
    'tapscope_queue_audit_imbalance_packets',
    'Packets (of the equation stops: stops) by which a conservation equation of the queue does not add up; 0 at rest, under load what moved while it was read.',
    ['equation'],
    (queue) => queue.audit.map(({ equation, imbalance }) => series(imbalance, equation)),
  ),
  flag(
    'tapscope_queue_audit_pending',
    '1 while the equation ring of the queue is not checked: from the start of the agent, or a renumbering of queues, until nothing moves between two snapshots. The figures are not in doubt; nothing would show that they were wrong.',
    (queue) => queue.auditPending,
  ),
  core(flag('tapscope_queue_degraded', '1 while figures of this queue are known not to be exact.', isDegraded)),
  ...ringMetrics,
  ...flowMetrics,
  ...readerMetrics,
  ...allocationMetrics,
  ...vhostMetrics,
  ...redirectQueueMetrics,
  ...receiveQueueMetrics,
];

const deviceInfoLabels = [
  'ifindex',
  'kind',
  'flow_control',
  'qdisc',
  'queue_length',
  'multi_queue',
  'persistent',
  'vnet_header',
];

/** Subject labels: netns, device. */
export const deviceMetrics: readonly Metric<Device>[] = [
  core(
    info(
      'tapscope_device_info',
      'What the device is (struct tun_struct, struct net_device); flow_control: what happens to a sender faster than the reader; queue_length: txqueuelen.',
      deviceInfoLabels,
      (device) => [
        series(
          1,
          String(device.ifindex),
          device.kind,
          device.flowControl ?? '',
          device.qdisc ?? '',
          String(device.queueLength),
          String(device.multiQueue),
          String(device.persistent),
          String(device.vnetHeader),
        ),
      ],
    ),
  ),
  core(
    counter(
      'tapscope_device_flow_control_lost_total',
      'Times that a program attached to the device without IFF_BACKPRESSURE and so cleared it for all (TUNSETIFF, tun_force_wake_queue).',
      (device) => device.flowControlLost,
    ),
  ),
  ownerInfo,
  podInfo,
  core(gauge('tapscope_device_up', '1 while the device is up (IFF_UP).', (device) => Number(device.up))),
  core(
    gauges(
      'tapscope_device_queues',
      'Queues of the device: attached ones take packets, detached ones wait (tun_struct.numqueues, numdisabled).',
      ['state'],
      (device) => [...seriesIf(device.attachedQueues, 'attached'), ...seriesIf(device.detachedQueues, 'detached')],
    ),
  ),
  ...queueChangeMetrics,
  core(
    counters(
      'tapscope_device_unseen_packets_total',
      'Packets that no program of tapscope saw and the kernel’s own counters prove (tx_packets, tx_dropped), by what became of them. With one queue they are in all figures; with several, no queue has them.',
      ['outcome'],
      ({ unseen }) => (unseen ? [series(unseen.enqueued, 'enqueued'), series(unseen.dropped, 'dropped')] : []),
    ),
  ),
  core(
    sinceDevice(
      counter(
        'tapscope_device_transmit_packets_total',
        'Packets delivered to the guest or reader, by the kernel (tx_packets of rtnl_link_stats64).',
        (device) => device.counters?.txPackets,
      ),
    ),
  ),
  core(
    sinceDevice(
      counter(
        'tapscope_device_transmit_dropped_packets_total',
        'Packets towards the guest or reader that the kernel counted as dropped (tx_dropped of rtnl_link_stats64).',
        (device) => device.counters?.txDropped,
      ),
    ),
  ),
  ...otherDropMetrics,
  gauges(
    'tapscope_device_audit_imbalance_packets',
    'Packets by which a conservation equation over all queues of the device does not add up; 0 at rest, under load what moved while it was read.',
    ['equation'],
    (device) => device.audit.map(({ equation, imbalance }) => series(imbalance, equation)),
  ),
  core(flag('tapscope_device_degraded', '1 while figures of this device are known not to be exact.', isDegraded)),
  ...receiveDeviceMetrics,
  ...macvtapMetrics,
];

/** No subject labels. */
export const scrapeMetrics: readonly Metric<ScrapeState>[] = [
  gauge(
    'tapscope_snapshot_age_seconds',
    'Age of the newest snapshot; near 0, because a scrape takes its own, unless snapshots fail.',
    (scrape) => scrape.snapshotAgeSeconds,
  ),
  counter(
    'tapscope_snapshot_errors_total',
    'Scrapes that show no devices because their snapshot failed altogether.',
    (scrape) => scrape.snapshotErrors,
  ),
  gauge(
    'tapscope_devices_folded',
    'Devices beyond the series budget of the --detail level, shown as sums under device=~other.',
    (scrape) => scrape.devicesFolded,
  ),
  flag(
    'tapscope_endpoint_exposed',
    '1 while others than this host can read the metrics without a password, or in the clear (--web.listen-address, --web.config.file).',
    (scrape) => scrape.exposed,
  ),
  findingMetric,
  ...exportMetrics,
  info('tapscope_build_info', 'What runs here.', ['version', 'node_version', 'kernel', 'libbpf'], ({ build }) => [
    series(1, build.version, build.nodeVersion, build.kernel, build.libbpf),
  ]),
];

/** Undefined where nothing is counted: there is nothing to call exact. */
function isDegraded(subject: Pick<Queue | Device, 'degraded' | 'counters'>): boolean | undefined {
  if (subject.degraded.length > 0) return true;
  return subject.counters === undefined ? undefined : false;
}
