// SPDX-License-Identifier: Apache-2.0
// How much of a host is shown: levels of detail, and the series that each may cost.
import type { Metric } from '../metric.ts';
import { cpuMetrics, deviceMetrics, queueMetrics } from '../metrics.ts';
import type { Device, Queue } from '../snapshot.ts';
import type { Slices } from './prometheus-slices.ts';

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
export async function selectDevices(
  devices: readonly Device[],
  detail: Detail,
  budget: number,
  slices: Slices,
): Promise<Selection> {
  const ordered = withoutNamesakes([...devices].sort(byId));
  let series = 0;
  for (const [index, device] of ordered.entries()) {
    if (slices.due()) await slices.pause();
    series += seriesOf(device, detail);
    if (series > budget) return { shown: ordered.slice(0, index), folded: ordered.slice(index) };
  }
  return { shown: ordered, folded: [] };
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
  const own = sum(deviceMetrics, (metric) => countSeries(metric, device));
  if (detail === 'device') return own + sum(queueMetrics, (metric) => mergedSeries(metric, device.queues));
  const metrics = detail === 'cpu' ? [...queueMetrics, ...cpuMetrics] : queueMetrics;
  return own + sum(device.queues, (queue) => sum(metrics, (metric) => countSeries(metric, queue)));
}

function countSeries<Value>({ value, samples }: Metric<Value>, subject: Value): number {
  if (value === undefined) return samples(subject).length;
  return value(subject) === undefined ? 0 : 1;
}

function mergedSeries(metric: Metric<Queue>, queues: readonly Queue[]): number {
  return new Set(queues.flatMap((queue) => metric.samples(queue).map(({ labels }) => labels.join('\0')))).size;
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  let total = 0;
  for (const item of items) total += of(item);
  return total;
}
