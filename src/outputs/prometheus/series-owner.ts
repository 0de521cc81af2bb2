// SPDX-License-Identifier: Apache-2.0
// The owners of series: the agent, a device, a queue. What was rendered for one is kept from scrape to scrape and goes with it.
import type { Device } from '../../snapshot/device.ts';
import type { Metric, Suffix } from '../../snapshot/metric.ts';
import type { Queue } from '../../snapshot/queue.ts';
import type { MergeState } from './merge.ts';
import type { Slices } from './slices.ts';
import { type Labels, renderLabels } from './text.ts';

export interface SeriesOwner extends MergeState {
  readonly labels: Labels;
  readonly renderedLabels: string;
  /** Prefixes by metric name, then by position among its samples: no key has to be built to find one. */
  readonly prefixes: Map<string, Prefix[]>;
  /** Names of metrics that have no series before their first hit, and had it. */
  readonly hits: Set<string>;
}

interface Prefix {
  readonly labels: readonly string[];
  readonly suffix: Suffix | undefined;
  readonly text: string;
}

export function createOwner(labels: Labels): SeriesOwner {
  return {
    labels,
    renderedLabels: renderLabels(labels),
    prefixes: new Map(),
    hits: new Set(),
    sums: new Map(),
    histograms: new Map(),
    merges: new Map(),
  };
}

/** `name{netns="1",device="tap0",reason="FULL_RING"} `, everything of a series that does not change. */
export function seriesPrefix(
  owner: SeriesOwner,
  metric: Pick<Metric<never>, 'name' | 'labels'>,
  position: number,
  values: readonly string[],
  suffix?: Suffix,
): string {
  let prefixes = owner.prefixes.get(metric.name);
  if (prefixes === undefined) {
    prefixes = [];
    owner.prefixes.set(metric.name, prefixes);
  }
  const kept = prefixes[position];
  if (kept !== undefined && kept.suffix === suffix && sameValues(kept.labels, values)) return kept.text;
  const text = renderPrefix(owner, metric, values, suffix);
  prefixes[position] = { labels: values, suffix, text };
  return text;
}

/** A plain loop: it runs for each line of each page, and until V8 has optimized it, each function or iterator is allocated. */
function sameValues(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false;
  return true;
}

function renderPrefix(
  owner: SeriesOwner,
  { name, labels }: Pick<Metric<never>, 'name' | 'labels'>,
  values: readonly string[],
  suffix: Suffix | undefined,
): string {
  const names = suffix === '_bucket' ? [...labels, 'le'] : labels;
  const own = renderLabels(names.map((label, index) => [label, values[index] ?? '']));
  const all = [owner.renderedLabels, own].filter((part) => part !== '').join(',');
  const full = `${name}${suffix ?? ''}`;
  return all === '' ? `${full} ` : `${full}{${all}} `;
}

/** A device of the present snapshot, its owner, and those of its queues. */
export interface ShownDevice {
  readonly value: Device;
  readonly owner: SeriesOwner;
  readonly queues: readonly ShownQueue[];
}

interface ShownQueue {
  readonly value: Queue;
  readonly owner: SeriesOwner;
}

interface KeptDevice {
  readonly netns: number;
  readonly name: string;
  readonly owner: SeriesOwner;
  /** The owners of its queues, by index. */
  readonly queues: Map<number, SeriesOwner>;
  seenAt: number;
}

/** Every owner that was shown recently. */
export interface SeriesOwners {
  readonly agent: SeriesOwner;
  readonly otherDevice: SeriesOwner;
  readonly otherQueue: SeriesOwner;
  /** Devices by id, which is never used twice. */
  readonly devices: Map<string, KeptDevice>;
  scrapes: number;
}

/** Scrapes for which a device's owners outlive it: one incomplete snapshot must not make its sums start again. */
const graceScrapes = 3;

export function createOwners(): SeriesOwners {
  const other: Labels = [
    ['netns', '0'],
    ['device', '~other'],
  ];
  return {
    agent: createOwner([]),
    otherDevice: createOwner(other),
    otherQueue: createOwner([...other, ['queue', '0']]),
    devices: new Map(),
    scrapes: 0,
  };
}

/** The owners of these devices, in their order; those of vanished devices and queues go. */
export async function showDevices(
  owners: SeriesOwners,
  devices: readonly Device[],
  slices: Slices,
): Promise<readonly ShownDevice[]> {
  owners.scrapes += 1;
  const shown: ShownDevice[] = [];
  for (const device of devices) {
    if (slices.due()) await slices.pause();
    shown.push(showDevice(owners, device));
  }
  for (const [id, { seenAt }] of owners.devices) {
    if (owners.scrapes - seenAt > graceScrapes) owners.devices.delete(id);
  }
  return shown;
}

function showDevice(owners: SeriesOwners, device: Device): ShownDevice {
  const kept = keepDevice(owners, device);
  kept.seenAt = owners.scrapes;
  const queues = device.queues.map((value) => ({ value, owner: keepQueue(kept, value.index) }));
  if (kept.queues.size > queues.length) {
    const present = new Set(device.queues.map(({ index }) => index));
    for (const index of kept.queues.keys()) if (!present.has(index)) kept.queues.delete(index);
  }
  return { value: device, owner: kept.owner, queues };
}

function keepDevice(owners: SeriesOwners, { id, netns, name }: Device): KeptDevice {
  const before = owners.devices.get(id);
  // Renamed or moved to another namespace: other series.
  if (before !== undefined && before.netns === netns && before.name === name) return before;
  const labels: Labels = [
    ['netns', String(netns)],
    ['device', name],
  ];
  const kept = { netns, name, owner: createOwner(labels), queues: new Map<number, SeriesOwner>(), seenAt: 0 };
  owners.devices.set(id, kept);
  return kept;
}

function keepQueue({ owner, queues }: KeptDevice, index: number): SeriesOwner {
  const before = queues.get(index);
  if (before !== undefined) return before;
  const kept = createOwner([...owner.labels, ['queue', String(index)]]);
  queues.set(index, kept);
  return kept;
}
