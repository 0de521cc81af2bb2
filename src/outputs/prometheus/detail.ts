// SPDX-License-Identifier: Apache-2.0
// How much of a host is shown: levels of detail, and the series that each may cost.

import type { Device } from '../../snapshot/device.ts';
import { fromFirst, isHit, type Metric } from '../../snapshot/metric.ts';
import type { Queue } from '../../snapshot/queue.ts';
import { cpuMetrics, deviceMetrics, queueMetrics } from '../../subjects/list.ts';
import type { Slices } from './slices.ts';

/** One series a device (core: of the metrics that alerts need), a queue (full: of every metric), or a queue and CPU. */
export type Detail = 'core' | 'device' | 'queue' | 'full' | 'cpu';

export const details: readonly Detail[] = ['core', 'device', 'queue', 'full', 'cpu'];

/** Series of devices and queues; the agent's own and those of `device="~other"` come on top. */
export const seriesBudget: Readonly<Record<Detail, number>> = {
  core: 20_000,
  device: 20_000,
  queue: 100_000,
  full: 200_000,
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

type Levels = Pick<Metric<never>, 'core' | 'full'>;

const shownWhere = (isShown: (metric: Levels) => boolean): Shown => ({
  queue: queueMetrics.filter(isShown),
  device: deviceMetrics.filter(isShown),
});

const withCore = shownWhere((metric) => metric.core === true);
const core: Shown = { queue: withCore.queue.map(reduced), device: withCore.device.map(reduced) };
const usual = shownWhere((metric) => metric.full !== true);
const all = shownWhere(() => true);

function reduced<Of>(metric: Metric<Of>): Metric<Of> {
  const { atCore, samples } = metric;
  if (atCore === 'fromFirst') return fromFirst(metric);
  return atCore === undefined ? metric : { ...metric, samples: (of) => samples(of).filter(atCore) };
}

/** The metrics of queues and devices that a level shows; those of each CPU come on top. */
export function metricsAt(detail: Detail): Shown {
  if (detail === 'core') return core;
  return isWhole(detail) ? all : usual;
}

function isWhole(detail: Detail): boolean {
  return detail === 'full' || detail === 'cpu';
}

/** True: the queues of a device are summed into one series. Below `full` a histogram is not worth its series for each queue. */
export function mergesQueues(detail: Detail, { type }: Pick<Metric<never>, 'type'>): boolean {
  return detail === 'core' || detail === 'device' || (type === 'histogram' && !isWhole(detail));
}

function seriesOf(device: Device, detail: Detail): number {
  const { merged, each } = splitAt[detail];
  let series = seriesAbout(metricsAt(detail).device, device);
  for (const metric of merged) series += mergedSeries(metric, device.queues);
  for (const queue of device.queues) series += seriesAbout(each, queue);
  return series;
}

interface Split {
  /** Summed over the queues of a device. */
  readonly merged: readonly Metric<Queue>[];
  readonly each: readonly Metric<Queue>[];
}

const splitAt: Readonly<Record<Detail, Split>> = {
  core: splitOf('core'),
  device: splitOf('device'),
  queue: splitOf('queue'),
  full: splitOf('full'),
  cpu: splitOf('cpu'),
};

function splitOf(detail: Detail): Split {
  const { queue } = metricsAt(detail);
  const merged = queue.filter((metric) => mergesQueues(detail, metric));
  const each = queue.filter((metric) => !mergesQueues(detail, metric));
  return { merged, each: detail === 'cpu' ? [...each, ...cpuMetrics] : each };
}

/** Until V8 has optimized it an iterator would allocate for each metric. */
function seriesAbout<Value>(metrics: readonly Metric<Value>[], owner: Value): number {
  let series = 0;
  for (let index = 0; index < metrics.length; index += 1) {
    const metric = metrics[index];
    if (metric !== undefined) series += seriesOfOne(metric, owner);
  }
  return series;
}

function seriesOfOne<Value>(metric: Metric<Value>, owner: Value): number {
  if (metric.distribution !== undefined) {
    const seen = metric.distribution(owner);
    // Buckets, sum and count.
    return seen === undefined || !isHit(seen) ? 0 : seen.buckets.length + 2;
  }
  if (metric.value === undefined) return metric.samples(owner).length;
  const value = metric.value(owner);
  return value === undefined || (metric.fromFirst && value === 0) ? 0 : 1;
}

function mergedSeries(metric: Metric<Queue>, queues: readonly Queue[]): number {
  const hit = queues.filter((queue) => seriesOfOne(metric, queue) > 0);
  return new Set(
    hit.flatMap((queue) => metric.samples(queue).map(({ labels, suffix }) => [suffix, ...labels].join('\0'))),
  ).size;
}
