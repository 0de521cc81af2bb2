// SPDX-License-Identifier: Apache-2.0
// From what was seen to rows: which metric, about whom, with which values.
import type { Metric, Sample } from '../metric.ts';
import { agentMetrics, cpuMetrics, deviceMetrics, queueMetrics, type ScrapeState, scrapeMetrics } from '../metrics.ts';
import type { AgentState, Device, Queue } from '../snapshot.ts';
import type { Detail } from './prometheus-detail.ts';
import { type Member, mergeSamples } from './prometheus-merge.ts';
import { type ShownDevice, type Subject, type Subjects, seriesPrefix } from './prometheus-subject.ts';
import { type Family, renderValue } from './prometheus-text.ts';

/** Everything that one scrape shows. */
export interface Scene {
  readonly subjects: Subjects;
  readonly shown: readonly ShownDevice[];
  /** Devices beyond the series budget. */
  readonly folded: readonly Device[];
  /** undefined: no snapshot ever succeeded. */
  readonly agent: AgentState | undefined;
  readonly scrape: ScrapeState;
}

export interface Row {
  readonly subject: Subject;
  readonly samples: readonly Sample[];
}

/** All series of one metric. */
export interface MetricRows {
  readonly metric: Pick<Metric<never>, 'name' | 'type' | 'help' | 'labels'>;
  readonly rows: Iterable<Row>;
}

interface Single<Value> {
  readonly subject: Subject;
  readonly value: Value;
}

interface Group<Value> {
  readonly subject: Subject;
  readonly members: readonly Member<Value>[];
}

/** Merged rows are made at once, in the order of the snapshots, because their counters remember the last one; others when they are read. */
export function metricRows(scene: Scene, detail: Detail): readonly MetricRows[] {
  const { subjects, shown, folded } = scene;
  const queues = detail === 'device' ? [] : shown.flatMap((device) => device.queues);
  const merged = detail === 'device' ? shown.map(({ subject, value }) => ({ subject, members: queuesOf(value) })) : [];
  const otherQueues = { subject: otherQueue(subjects, detail), members: folded.flatMap(queuesOf) };
  const otherDevices = {
    subject: subjects.otherDevice,
    members: folded.map((device) => ({ key: device.id, value: device })),
  };
  const agent = scene.agent === undefined ? [] : [{ subject: subjects.agent, value: scene.agent }];
  return [
    ...queueMetrics.map((metric) => rowsOf(metric, queues, [...merged, ...fold(metric, otherQueues)])),
    ...(detail === 'cpu' ? cpuMetrics : []).map((metric) => rowsOf(metric, queues, fold(metric, otherQueues))),
    ...deviceMetrics.map((metric) => rowsOf(metric, shown, fold(metric, otherDevices))),
    ...agentMetrics.map((metric) => rowsOf(metric, agent, [])),
    ...scrapeMetrics.map((metric) => rowsOf(metric, [{ subject: subjects.agent, value: scene.scrape }], [])),
  ];
}

function queuesOf({ id, queues }: Device): readonly Member<Queue>[] {
  return queues.map((queue) => ({ key: `${id}/${queue.index}`, value: queue }));
}

function otherQueue({ otherDevice, otherQueue }: Subjects, detail: Detail): Subject {
  return detail === 'device' ? otherDevice : otherQueue;
}

/** Information about each of many has no sum. */
function fold<Value>({ name }: Metric<Value>, others: Group<Value>): readonly Group<Value>[] {
  return others.members.length === 0 || name.endsWith('_info') ? [] : [others];
}

function rowsOf<Value>(
  metric: Metric<Value>,
  singles: readonly Single<Value>[],
  groups: readonly Group<Value>[],
): MetricRows {
  const merged = groups.map(({ subject, members }) => ({ subject, samples: mergeSamples(metric, subject, members) }));
  return { metric, rows: { [Symbol.iterator]: () => eachRow(metric, singles, merged) } };
}

function* eachRow<Value>(
  { samples }: Metric<Value>,
  singles: readonly Single<Value>[],
  merged: readonly Row[],
): Generator<Row, void, undefined> {
  for (const { subject, value } of singles) yield { subject, samples: samples(value) };
  yield* merged;
}

export function familyOf({ metric, rows }: MetricRows): Family {
  return { ...metric, lines: linesOf(metric, rows) };
}

function* linesOf(metric: MetricRows['metric'], rows: Iterable<Row>): Generator<string, void, undefined> {
  for (const { subject, samples } of rows) {
    for (const [position, { labels, value }] of samples.entries()) {
      yield seriesPrefix(subject, metric, position, labels) + renderValue(value);
    }
  }
}
