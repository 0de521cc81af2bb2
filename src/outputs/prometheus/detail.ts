// SPDX-License-Identifier: Apache-2.0
// How much of a host is shown: levels of detail, and the series that each may cost.

import type { Device } from '../../snapshot/device.ts';
import type { Distribution, Metric } from '../../snapshot/metric.ts';
import type { Queue } from '../../snapshot/queue.ts';
import { cpuMetrics, deviceMetrics, queueMetrics } from '../../subjects/list.ts';
import type { Slices } from './slices.ts';

/** One series a device (core: of the metrics that alerts need), a queue, or a queue and CPU. */
export type Detail = 'core' | 'device' | 'queue' | 'cpu';

export const details: readonly Detail[] = ['core', 'device', 'queue', 'cpu'];

/** Series of devices and queues; the agent's own and those of `device="~other"` come on top. */
export const seriesBudget: Readonly<Record<Detail, number>> = {
  core: 20_000,
  device: 20_000,
  queue: 100_000,
  cpu: 200_000,
};

interface Selection {
  readonly shown: readonly Device[];
  /** Shown only as sums. */
  readonly folded: readonly Device[];
}

export interface SeriesLimit {
  readonly detail: Detail;
  readonly budget: number;
}

/** Series of devices when they were last counted: counting costs as much as half the page. */
interface SeriesCounts {
  byDevice: Map<string, Counted>;
  turn: number;
}

interface Counted {
  readonly device: Device;
  readonly series: number;
}

export function createSeriesCounts(): SeriesCounts {
  return { byDevice: new Map(), turn: 0 };
}

/** Scrapes between two counts: so long a device that gained a drop reason may be a few series above its share. */
const recountEvery = 4;

/** Selects devices in the order of ids, the oldest first, so that a new one does not push out another. */
export async function selectDevices(
  devices: readonly Device[],
  { detail, budget }: SeriesLimit,
  counts: SeriesCounts,
  slices: Slices,
): Promise<Selection> {
  const ordered = withoutNamesakes([...devices].sort(byId));
  const before = counts.byDevice;
  counts.byDevice = new Map();
  counts.turn += 1;
  let series = 0;
  for (const [index, device] of ordered.entries()) {
    if (slices.due()) await slices.pause();
    const known = before.get(device.id);
    // One object: it has what it had.
    const isCounted = known?.device === device || (index + counts.turn) % recountEvery !== 0;
    const counted = known && isCounted ? known : { device, series: seriesOf(device, detail) };
    counts.byDevice.set(device.id, counted);
    series += counted.series;
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

interface Shown {
  readonly queue: readonly Metric<Queue>[];
  readonly device: readonly Metric<Device>[];
}

const all: Shown = { queue: queueMetrics, device: deviceMetrics };
const core: Shown = { queue: queueMetrics.filter(isCore), device: deviceMetrics.filter(isCore) };

function isCore(metric: { readonly core?: true }): boolean {
  return metric.core === true;
}

/** The metrics of queues and devices that a level shows; those of each CPU come on top. */
export function metricsAt(detail: Detail): Shown {
  return detail === 'core' ? core : all;
}

/** True: the queues of a device are summed into one series. */
export function mergesQueues(detail: Detail): boolean {
  return detail === 'core' || detail === 'device';
}

function seriesOf(device: Device, detail: Detail): number {
  const shown = metricsAt(detail);
  const own = seriesAbout(shown.device, device);
  if (mergesQueues(detail)) {
    return shown.queue.reduce((series, metric) => series + mergedSeries(metric, device.queues), own);
  }
  const metrics = detail === 'cpu' ? queueAndCpuMetrics : queueMetrics;
  return device.queues.reduce((series, queue) => series + seriesAbout(metrics, queue), own);
}

const queueAndCpuMetrics = [...queueMetrics, ...cpuMetrics];

/** Until V8 has optimized it an iterator would allocate for each metric. */
function seriesAbout<Value>(metrics: readonly Metric<Value>[], owner: Value): number {
  let series = 0;
  for (let index = 0; index < metrics.length; index += 1) {
    const metric = metrics[index];
    if (metric?.distribution !== undefined) series += seriesOfDistribution(metric.distribution(owner));
    else if (metric?.value === undefined) series += metric?.samples(owner).length ?? 0;
    else if (metric.value(owner) !== undefined) series += 1;
  }
  return series;
}

/** Buckets, sum and count. */
function seriesOfDistribution(seen: Distribution | undefined): number {
  return seen === undefined ? 0 : seen.buckets.length + 2;
}

function mergedSeries(metric: Metric<Queue>, queues: readonly Queue[]): number {
  return new Set(
    queues.flatMap((queue) => metric.samples(queue).map(({ labels, suffix }) => [suffix, ...labels].join('\0'))),
  ).size;
}
