// SPDX-License-Identifier: Apache-2.0
// PromQL from the catalogue: a metric that is not there, or not of that type, throws; the unit follows from its name.
import type { Metric } from '../src/metric.ts';
import { agentMetrics, cpuMetrics, deviceMetrics, queueMetrics, scrapeMetrics } from '../src/metrics.ts';

/** Units of Grafana. */
export type Unit = 'pps' | 'Bps' | 'cps' | 's' | 'percentunit' | 'short';

export interface Query {
  readonly expr: string;
  readonly unit: Unit;
}

export const QUEUE = ['instance', 'netns', 'device', 'queue'];
export const DEVICE = ['instance', 'netns', 'device'];

const perDevice: readonly Metric<never>[] = deviceMetrics;
const perQueue: readonly Metric<never>[] = [...queueMetrics, ...cpuMetrics];
const perAgent: readonly Metric<never>[] = [...agentMetrics, ...scrapeMetrics];

export const catalogue: readonly Metric<never>[] = [...perQueue, ...perDevice, ...perAgent];

/** Which series a dashboard shows, by its variables: matchers for the metrics of an agent, of a device and of a queue. */
export interface Scope {
  readonly agent: string;
  readonly device: string;
  readonly queue: string;
}

/** Per second, over a window that always holds at least four scrapes. */
export function rate(scope: Scope, name: string, matcher = ''): Query {
  const unit = name.endsWith('_packets_total') ? 'pps' : name.endsWith('_bytes_total') ? 'Bps' : 'cps';
  return { expr: `rate(${selector(scope, name, 'counter', matcher)}[$__rate_interval])`, unit };
}

/** Of the observations within such a window. */
export function quantile(of: number, scope: Scope, name: string): Query {
  const buckets = selector(scope, name, 'histogram', '').replace('{', '_bucket{');
  const expr = `histogram_quantile(${of}, sum by (le) (rate(${buckets}[$__rate_interval])))`;
  return { expr, unit: name.endsWith('_seconds') ? 's' : 'short' };
}

export function value(scope: Scope, name: string, matcher = ''): Query {
  const unit = name.endsWith('_seconds') ? 's' : name.endsWith('_ratio') ? 'percentunit' : 'short';
  return { expr: selector(scope, name, 'gauge', matcher), unit };
}

function selector(scope: Scope, name: string, type: Metric<never>['type'], matcher: string): string {
  const metric = catalogue.find((candidate) => candidate.name === name);
  if (metric?.type !== type) throw new Error(`The catalogue has no ${type} ${name}.`);
  const own = perAgent.includes(metric) ? scope.agent : perDevice.includes(metric) ? scope.device : scope.queue;
  return `${name}{${[own, matcher].filter((part) => part !== '').join(',')}}`;
}

export function sum(query: Query, by: readonly string[] = []): Query {
  return aggregate('sum', query, by);
}

export function max(query: Query, by: readonly string[] = []): Query {
  return aggregate('max', query, by);
}

export function count(query: Query, by: readonly string[] = []): Query {
  return { ...aggregate('count', query, by), unit: 'short' };
}

function aggregate(operator: string, { expr, unit }: Query, by: readonly string[]): Query {
  return { expr: `${operator}${by.length > 0 ? ` by (${by.join(', ')}) ` : ''}(${expr})`, unit };
}

export function top(limit: number, { expr, unit }: Query): Query {
  return { expr: `topk(${limit}, ${expr})`, unit };
}

/** Nothing where the whole is 0: there is no share of nothing. */
export function share(part: Query, whole: Query): Query {
  return { expr: `${part.expr} / (${whole.expr} > 0)`, unit: 'percentunit' };
}

export function only({ expr, unit }: Query, on: readonly string[], condition: Query): Query {
  return { expr: `(${expr} and on (${on.join(', ')}) (${condition.expr}))`, unit };
}

export function where({ expr, unit }: Query, comparison: string): Query {
  return { expr: `${expr} ${comparison}`, unit };
}

/** Adds the namespace's name; one without a name gets "(unnamed)". */
export function named(scope: Scope, { expr, unit }: Query): Query {
  return { expr: `${expr} * on (instance, netns) group_left (name) ${namespaceNames(scope, '(unnamed)')}`, unit };
}

/** One series of value 1 for each namespace that has devices or a name. `fallback` may refer to the inode number as $1. */
export function namespaceNames(scope: Scope, fallback: string): string {
  const known = max(value(scope, 'tapscope_namespace_info'), ['instance', 'netns', 'name']);
  const seen = max(value({ ...scope, device: scope.agent }, 'tapscope_device_info'), ['instance', 'netns']);
  const unnamed = `label_replace(${seen.expr}, "name", "${fallback}", "netns", "(.*)")`;
  return `(${known.expr} or on (instance, netns) ${unnamed})`;
}

/**
 * Devices that the variable `owner` leaves. A device without an owner has no such label, and an absent label matches ".*" alone:
 * it is shown while all owners are.
 */
export function ownedDevices(scope: Scope): Query {
  const any = value(scope, 'tapscope_device_info', 'comm=~"$owner"');
  const owned = value({ ...scope, queue: scope.device }, 'tapscope_queue_owner_info', 'comm=~"$owner"');
  return max({ expr: `${any.expr} or ${owned.expr}`, unit: 'short' }, DEVICE);
}
