// SPDX-License-Identifier: Apache-2.0
// The made-up host while all of its taps carry traffic, each at a pace of its own: everything that grows with packets grows.
import type { Device } from '../../src/snapshot/device.ts';
import type { Observations, Queue } from '../../src/snapshot/queue.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { hostOf, SERIES_PER_TAP } from './made-up-host.ts';

/** The host at a second of its life. */
export function busyHost(taps: number, second: number): Snapshot {
  const host = hostOf(taps * SERIES_PER_TAP);
  const devices = host.devices.map((device, tap) => later(device, 1000 + 997 * tap, second));
  return { ...host, devices, takenAt: 1_795_000_000 + second + 0.01 * Math.random() };
}

function later(device: Device, rate: number, second: number): Device {
  const packets = Math.floor(rate * (second + Math.random()));
  const { counters } = device;
  return {
    ...device,
    counters: counters && {
      ...counters,
      txPackets: counters.txPackets + packets,
      txBytes: counters.txBytes + 800 * packets,
      rxPackets: counters.rxPackets + Math.floor(packets / 2),
      rxBytes: counters.rxBytes + 40 * packets,
    },
    queues: device.queues.map((queue) => laterQueue(queue, packets, second)),
  };
}

function laterQueue(queue: Queue, packets: number, second: number): Queue {
  const { ring, counters, history, vhost } = queue;
  return {
    ...queue,
    ring: ring && { ...ring, occupancy: packets % 500, lag: packets % 16, highwater: packets % 512 },
    counters: counters && {
      ...counters,
      offered: (counters.offered ?? 0) + packets,
      offeredBytes: (counters.offeredBytes ?? 0) + 800 * packets,
      enqueued: (counters.enqueued ?? 0) + packets,
      consumed: { read: 0, vhost: packets },
      delivered: (counters.delivered ?? 0) + packets,
    },
    history: history && {
      ...history,
      arrivals: observed(history.arrivals, packets / 128, [2, 3, 4, 5]),
      sojourn: observed(history.sojourn, packets / 256, [14, 15, 16, 17, 18]),
    },
    perCpu: queue.perCpu.map((cpu) => ({ ...cpu, offered: cpu.offered + Math.floor(packets / 2) })),
    vhost: vhost && {
      ...vhost,
      held: packets % 64,
      worker: vhost.worker && { ...vhost.worker, cpu: second % 4, seconds: second * 0.123_456_789 },
      batches: vhost.batches && {
        ...vhost.batches,
        buckets: vhost.batches.buckets.map((batches, place) => batches + Math.floor(packets / (8 << place))),
        sum: vhost.batches.sum + packets,
      },
    },
  };
}

function observed(before: Observations | undefined, more: number, places: readonly number[]): Observations | undefined {
  return (
    before && {
      buckets: before.buckets.map((count, place) =>
        places.includes(place) ? count + Math.floor(more / (place + 1)) : count,
      ),
      sum: before.sum + Math.floor(300 * more),
    }
  );
}
