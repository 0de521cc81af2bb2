// SPDX-License-Identifier: Apache-2.0
// How much of a host is shown: levels of detail, and the series that each may cost.
import type { Metric } from '../metric.ts';
import { cpuMetrics, deviceMetrics, queueMetrics } from '../metrics.ts';
import type { Device, Queue } from '../snapshot.ts';

/** One series a device, a queue, or a queue and CPU. */
export type Detail = 'device' | 'queue' | 'cpu';

export const details: readonly Detail[] = ['device', 'queue', 'cpu'];

/** Series of devices and queues; the agent's own and those of `device="~other"` come on top. */
export const seriesBudget: Readonly<Record<Detail, number>> = { device: 10_000, queue: 50_000, cpu: 200_000 };

export interface Selection {
  readonly shown: readonly Device[];
  /** Shown only as sums. */
  readonly folded: readonly Device[];
}

/** In the order of ids, the oldest device first, so that a new one does not push out another. */
export function selectDevices(devices: readonly Device[], detail: Detail, budget: number): Selection {
  const ordered = withoutNamesakes([...devices].sort(byId));
  let series = 0;
  const end = ordered.findIndex((device) => {
    series += seriesOf(device, detail);
    return series > budget;
  });
  return end === -1 ? { shown: ordered, folded: [] } : { shown: ordered.slice(0, end), folded: ordered.slice(end) };
}

/** Ids are growing numbers written in decimal: the shorter is the smaller. */
function byId(a: Device, b: Device): number {
  if (a.id.length !== b.id.length) return a.id.length - b.id.length;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}

/** A device deleted and made again while the snapshot was taken would have every series twice; the younger one is there. */
function withoutNamesakes(devices: readonly Device[]): readonly Device[] {
  const byName = new Map(devices.map((device) => [`${device.netns}/${device.name}`, device]));
  return byName.size === devices.length
    ? devices
    : devices.filter((device) => byName.get(`${device.netns}/${device.name}`) === device);
}

function seriesOf(device: Device, detail: Detail): number {
  const own = sum(deviceMetrics, (metric) => metric.samples(device).length);
  if (detail === 'device') return own + sum(queueMetrics, (metric) => mergedSeries(metric, device.queues));
  const metrics = detail === 'cpu' ? [...queueMetrics, ...cpuMetrics] : queueMetrics;
  return own + sum(device.queues, (queue) => sum(metrics, (metric) => metric.samples(queue).length));
}

function mergedSeries(metric: Metric<Queue>, queues: readonly Queue[]): number {
  return new Set(queues.flatMap((queue) => metric.samples(queue).map(({ labels }) => labels.join('\0')))).size;
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
