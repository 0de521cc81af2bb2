// SPDX-License-Identifier: Apache-2.0
// Turns what was seen into rows: a metric, its owner, its values.

import type { Device } from '../../snapshot/device.ts';
import {
  type Distribution,
  isHit,
  type Metric,
  type Sample,
  type Suffix,
  visitDistribution,
} from '../../snapshot/metric.ts';
import type { Queue } from '../../snapshot/queue.ts';
import type { AgentState } from '../../snapshot/snapshot.ts';
import { agentMetrics, cpuMetrics } from '../../subjects/list.ts';
import { type ScrapeState, scrapeMetrics } from '../../subjects/scrape-metrics.ts';
import { type Detail, mergesQueues, metricsAt } from './detail.ts';
import type { Origin } from './family.ts';
import type { Member } from './member.ts';
import { mergeSamples } from './merge.ts';
import type { SeriesOwner, SeriesOwners, ShownDevice } from './series-owner.ts';
import type { Slices } from './slices.ts';

/** Everything that one scrape shows. */
interface Scene {
  readonly owners: SeriesOwners;
  readonly shown: readonly ShownDevice[];
  /** Devices beyond the series budget. */
  readonly folded: readonly Device[];
  /** undefined: no snapshot ever succeeded. */
  readonly agent: AgentState | undefined;
  readonly scrape: ScrapeState;
}

/** Called for each sample of an owner; `labels`: values of the metric's own; `seen`: beside a count, what is counted. */
export type Visit = (
  owner: SeriesOwner,
  position: number,
  labels: readonly string[],
  value: number,
  suffix?: Suffix,
  seen?: Distribution,
) => void;

/** All series of one metric. */
export interface MetricRows {
  readonly metric: Pick<Metric<never>, 'name' | 'type' | 'help' | 'labels' | 'since'>;
  /** SeriesOwners; some may have no series. */
  readonly rows: number;
  readonly visitRow: (row: number, visit: Visit) => void;
  /** The origin of a row; undefined: it depends on remembered state. */
  readonly originOf?: (row: number) => Origin | undefined;
}

interface Row {
  readonly owner: SeriesOwner;
  readonly value: readonly Sample[];
}

interface Single<Value extends object> {
  readonly owner: SeriesOwner;
  readonly value: Value;
}

interface Group<Value> {
  readonly owner: SeriesOwner;
  readonly members: readonly Member<Value>[];
}

/** Merged rows are made at once, in the order of the snapshots, because their counters remember the last one; others when they are read. */
export async function metricRows(scene: Scene, detail: Detail, slices: Slices): Promise<readonly MetricRows[]> {
  const { owners, shown, folded } = scene;
  const metrics = metricsAt(detail);
  const queues = shown.flatMap((device) => device.queues);
  const devices = shown.map(({ owner, value }) => ({ owner, members: queuesOf(value) }));
  const foldedQueues = folded.flatMap(queuesOf);
  const queueRows = (metric: Metric<Queue>) => {
    const merges = mergesQueues(detail, metric);
    const others = fold(metric, { owner: merges ? owners.otherDevice : owners.otherQueue, members: foldedQueues });
    return rowsOf(metric, merges ? [] : queues, merges ? [...devices, ...others] : others, slices);
  };
  const otherDevices = {
    owner: owners.otherDevice,
    members: folded.map(asMember),
  };
  const agent = scene.agent === undefined ? [] : [{ owner: owners.agent, value: scene.agent }];
  const makers = [
    ...[...metrics.queue, ...(detail === 'cpu' ? cpuMetrics : [])].map((metric) => () => queueRows(metric)),
    ...metrics.device.map((metric) => () => rowsOf(metric, shown, fold(metric, otherDevices), slices)),
    ...agentMetrics.map((metric) => () => rowsOf(metric, agent, [], slices)),
    ...scrapeMetrics.map((metric) => () => rowsOf(metric, [{ owner: owners.agent, value: scene.scrape }], [], slices)),
  ];
  const families: MetricRows[] = [];
  for (const make of makers) {
    if (slices.due()) await slices.pause();
    families.push(await make());
  }
  return families;
}

/** A device that does not change is one object in all snapshots: so are its members. */
const keptQueues = new WeakMap<Device, readonly Member<Queue>[]>();
const keptDevices = new WeakMap<Device, Member<Device>>();

function queuesOf(device: Device): readonly Member<Queue>[] {
  const known = keptQueues.get(device);
  if (known !== undefined) return known;
  const members = device.queues.map((queue) => ({ key: `${device.id}/${queue.index}`, value: queue }));
  keptQueues.set(device, members);
  return members;
}

function asMember(device: Device): Member<Device> {
  const known = keptDevices.get(device);
  if (known !== undefined) return known;
  const member = { key: device.id, value: device };
  keptDevices.set(device, member);
  return member;
}

/** Information about each of many has no sum. */
function fold<Value>({ name }: Metric<Value>, others: Group<Value>): readonly Group<Value>[] {
  return others.members.length === 0 || name.endsWith('_info') ? [] : [others];
}

async function rowsOf<Value extends object>(
  metric: Metric<Value>,
  singles: readonly Single<Value>[],
  groups: readonly Group<Value>[],
  slices: Slices,
): Promise<MetricRows> {
  const merged: Row[] = [];
  for (const { owner, members } of groups) {
    merged.push({ owner, value: await mergeSamples(metric, owner, members, slices) });
  }
  const visitRow = (row: number, visit: Visit) => {
    const single = singles[row];
    if (single !== undefined) visitSingle(metric, single, visit);
    else visitMerged(metric, merged[row - singles.length], visit);
  };
  return {
    metric,
    rows: singles.length + merged.length,
    visitRow,
    originOf: (row) => singles[row] ?? merged[row - singles.length],
  };
}

const noLabels: readonly string[] = [];

function visitSingle<Value extends object>(
  metric: Metric<Value>,
  { owner, value: seen }: Single<Value>,
  visit: Visit,
): void {
  if (metric.distribution !== undefined) {
    const found = metric.distribution(seen);
    if (found !== undefined && isShown(metric, owner, isHit(found))) visitDistribution(owner, found, visit);
  } else if (metric.value === undefined) visitSamples(owner, metric.samples(seen), visit);
  else {
    const value = metric.value(seen);
    if (value !== undefined && isShown(metric, owner, value !== 0)) visit(owner, 0, noLabels, value);
  }
}

function visitMerged<Value extends object>(metric: Metric<Value>, row: Row | undefined, visit: Visit): void {
  if (row === undefined) return;
  const { owner, value } = row;
  if (metric.value === undefined && metric.distribution === undefined) visitSamples(owner, value, visit);
  else if (isShown(metric, owner, value.some(isCount))) visitSamples(owner, value, visit);
}

/** Something was counted, or observed. */
function isCount({ suffix, value }: Sample): boolean {
  return value !== 0 && (suffix === undefined || suffix === '_count');
}

/** Once there, a series stays as long as its owner: it must not come and go with an account that begins anew. */
function isShown<Value>({ name, fromFirst }: Metric<Value>, { hits }: SeriesOwner, isHitNow: boolean): boolean {
  if (!fromFirst || hits.has(name)) return true;
  if (isHitNow) hits.add(name);
  return isHitNow;
}

function visitSamples(owner: SeriesOwner, samples: readonly Sample[], visit: Visit): void {
  for (let position = 0; position < samples.length; position += 1) {
    const sample = samples[position];
    if (sample !== undefined) visit(owner, position, sample.labels, sample.value, sample.suffix, sample.seen);
  }
}
