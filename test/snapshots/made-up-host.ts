// SPDX-License-Identifier: Apache-2.0
// A made-up host of many taps, with one queue and two CPUs each: 92 series a tap at --detail cpu.

import type { PrometheusOptions } from '../../src/outputs/prometheus/prometheus-page.ts';
import type { Device } from '../../src/snapshot/device.ts';
import type { Observations, Queue } from '../../src/snapshot/queue.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { goldenBuild, goldenSnapshot } from './golden-snapshot.ts';

export const prometheusOptions: PrometheusOptions = { detail: 'cpu', build: goldenBuild };

/** Of this host, at `--detail cpu`. */
export const SERIES_PER_TAP = 79;

export function hostOf(series: number): Snapshot {
  const devices = Array.from({ length: Math.round(series / SERIES_PER_TAP) }, (_, index) => tap(index));
  return { ...goldenSnapshot, devices, takenAt: Date.now() / 1000 };
}

function tap(index: number): Device {
  return {
    netns: 4_026_531_840,
    name: `tap${index}`,
    ifindex: index + 2,
    id: String(9000 + index),
    kind: 'tap',
    up: true,
    carrier: true,
    multiQueue: false,
    persistent: false,
    vnetHeader: true,
    queueLength: 500,
    qdisc: 'fq_codel',
    flowControl: 'tail-drop',
    flowControlLost: 0,
    queues: [queue(index)],
    attachedQueues: undefined,
    detachedQueues: undefined,
    queueChanges: undefined,
    counters: { txPackets: 1e9 + index, txBytes: 1e12, txDropped: 700, rxPackets: 5, rxBytes: 300, rxDropped: 0 },
    otherDropped: [{ reason: 'QDISC_DROP', location: '__dev_queue_xmit', packets: 3 * index }],
    receive: undefined,
    macvtap: undefined,
    uncounted: [],
    audit: [{ equation: 'delivered', imbalance: 0 }],
    degraded: [],
  };
}

function observed(seed: number, bits: number): Observations {
  return { buckets: Array.from({ length: bits }, (_, bit) => seed * bit), sum: 1000 * seed };
}

function queue(seed: number): Queue {
  return {
    index: 0,
    ring: { capacity: 500, occupancy: seed % 500, lag: seed % 16, highwater: 500 },
    counters: {
      offered: 1e9 + 7919 * seed,
      offeredBytes: 1e12 + 64 * seed,
      enqueued: 1e9,
      consumed: { read: 1e9, vhost: seed },
      dropped: ['FULL_RING', 'TAP_FILTER', 'UNTRACED'].map((reason, place) => ({
        reason,
        packets: place * 1000 + seed,
      })),
      purged: 3,
      resized: 0,
      failed: 0,
      unproduced: 0,
      overflowed: 0,
      delivered: 1e9 + 7000 * seed,
    },
    history: {
      arrivals: observed(seed, 9),
      sojourn: observed(seed, 30),
      overflow: { bursts: observed(seed, 5), episodes: seed, needed: 700, openPackets: 0, openSeconds: 0 },
    },
    flow: undefined,
    perCpu: [0, 1].map((cpu) => ({ cpu, offered: 5e8 + seed, dropped: seed, sentBySoftirq: 0 })),
    reader: undefined,
    owner: { pid: 1000 + seed, comm: 'qemu-system-x86', startedAt: undefined, identity: undefined },
    vhost: {
      held: seed % 64,
      worker: { tid: 100_000 + seed, comm: `vhost-${seed}`, cpu: seed % 4, seconds: seed / 10 },
      batches: { bounds: [1, 2, 4, 8, 16, 32, 64], buckets: [1, 2, 3, 4, 5, 6, seed, 0], sum: 64 * seed },
      noBuffer: seed,
      discarded: 0,
      zeroCopy: undefined,
    },
    freed: undefined,
    wakeups: undefined,
    receiveBatches: undefined,
    redirected: undefined,
    auditPending: undefined,
    audit: ['offered', 'ring'].map((equation) => ({ equation, imbalance: 0 })),
    degraded: [],
  };
}
