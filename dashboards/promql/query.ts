// SPDX-License-Identifier: Apache-2.0
// PromQL from the catalogue: a metric that is not there, or not of that type, throws; the unit follows from its name.

import type { Metric } from '../../src/snapshot/metric.ts';
import { agentMetrics, cpuMetrics, deviceMetrics, queueMetrics } from '../../src/subjects/list.ts';
import { scrapeMetrics } from '../../src/subjects/scrape-metrics.ts';

/** Units of Grafana. */
export type Unit = 'pps' | 'Bps' | 'cps' | 's' | 'percentunit' | 'bytes' | 'short';

export interface Query {
  readonly expr: string;
  readonly unit: Unit;
}

export const QUEUE = ['instance', 'netns', 'device', 'queue'];
const KERNEL = ['instance', 'kernel'];
export const DEVICE = ['instance', 'netns', 'device'];

const perDevice: readonly Metric<never>[] = deviceMetrics;
const perQueue: readonly Metric<never>[] = [...queueMetrics, ...cpuMetrics];
const perAgent: readonly Metric<never>[] = [...agentMetrics, ...scrapeMetrics];

/** Counters of a queue without labels of their own. */
export const plainQueueCounters = queueMetrics.filter(({ type, labels }) => type === 'counter' && labels.length === 0);

export const catalogue: readonly Metric<never>[] = [...perQueue, ...perDevice, ...perAgent];

/** Matchers for the series that a dashboard's variables choose: metrics of an agent, of a device and of a queue. */
export interface Scope {
  readonly agent: string;
  readonly device: string;
  readonly queue: string;
}

/** Growth per second, over a window of at least four scrapes; for a counter of seconds it is a share of time. */
export function rate(scope: Scope, name: string, matcher = ''): Query {
  return { expr: `rate(${selector(scope, name, 'counter', matcher)}[$__rate_interval])`, unit: unitOfRate(name) };
}

/**
 * The growth of a counter in the time shown, rounded: Prometheus extrapolates to fractions. One that began in that time counts from 0, if the host had
 * devices before.
 */
export function increase(scope: Scope, name: string): Query {
  const counted = selector(scope, name, 'counter', '');
  const grown = `round(increase(${counted}[$__range]))`;
  if (!catalogue.some((metric) => metric.name === name && metric.fromFirst)) return { expr: grown, unit: 'short' };
  const before = value({ ...scope, device: scope.agent }, 'tapscope_device_up').expr;
  const begun = `(${counted} unless ${counted} offset $__range) and on (instance) ${before} offset $__range`;
  return { expr: `(${begun} or ${grown})`, unit: 'short' };
}

/** Observations per second in the unit of what was observed, as Prometheus stores them: one of both has series, or while it changes over both. */
export interface Observed {
  /** A native histogram, or a classic one that was converted. */
  readonly native: Query;
  /** Bucket by bucket. */
  readonly classic: Query;
}

/** `among`: what leaves some of the series. */
export function observed(scope: Scope, name: string, among = (all: Query): Query => all): Observed {
  const perSecond = (suffix: string): Query =>
    among({ expr: `rate(${selector(scope, name, 'histogram', '', suffix)}[$__rate_interval])`, unit: unitOf(name) });
  return { native: perSecond(''), classic: perSecond('_bucket') };
}

export function value(scope: Scope, name: string, matcher = ''): Query {
  return { expr: selector(scope, name, 'gauge', matcher), unit: unitOf(name) };
}

function unitOf(name: string): Unit {
  if (name.endsWith('_bytes')) return 'bytes';
  return name.endsWith('_seconds') ? 's' : name.endsWith('_ratio') ? 'percentunit' : 'short';
}

function unitOfRate(name: string): Unit {
  if (name.endsWith('_seconds_total')) return 'percentunit';
  return name.endsWith('_packets_total') ? 'pps' : name.endsWith('_bytes_total') ? 'Bps' : 'cps';
}

function selector(scope: Scope, name: string, type: Metric<never>['type'], matcher: string, suffix = ''): string {
  const metric = catalogue.find((candidate) => candidate.name === name);
  if (metric?.type !== type) throw new Error(`The catalogue has no ${type} ${name}.`);
  const own = perAgent.includes(metric) ? scope.agent : perDevice.includes(metric) ? scope.device : scope.queue;
  return `${name}${suffix}{${[own, matcher].filter((part) => part !== '').join(',')}}`;
}

export function sum(query: Query, by: readonly string[] = []): Query {
  return aggregate('sum', query, by);
}

export function max(query: Query, by: readonly string[] = []): Query {
  return aggregate('max', query, by);
}

export function average(query: Query, by: readonly string[] = []): Query {
  return aggregate('avg', query, by);
}

export function count(query: Query, by: readonly string[] = []): Query {
  return { ...aggregate('count', query, by), unit: 'short' };
}

function aggregate(operator: string, { expr, unit }: Query, by: readonly string[]): Query {
  return { expr: `${operator}${by.length > 0 ? ` by (${by.join(', ')}) ` : ''}(${expr})`, unit };
}

/** The value below which this share of the observations lies; estimated within a bucket. */
export function quantile(q: number, { native, classic }: Observed, by: readonly string[] = []): Query {
  const [ofNative, ofClassic] = [sum(native, by), sum(classic, ['le', ...by])].map(
    ({ expr }) => `histogram_quantile(${q}, ${expr})`,
  );
  return { expr: `(${ofNative} or ${ofClassic})`, unit: classic.unit };
}

/** How many observations there were of each size. */
export function spread({ native, classic }: Observed): Query {
  return either(sum(native), sum(classic, ['le']));
}

export function top(limit: number, { expr, unit }: Query): Query {
  return { expr: `topk(${limit}, ${expr})`, unit };
}

function plus(first: Query, second: Query): Query {
  return { expr: `(${first.expr} + ${second.expr})`, unit: first.unit };
}

export function times(factor: number, { expr, unit }: Query): Query {
  return { expr: `${factor} * ${expr}`, unit };
}

/** The share of the whole; no series where the whole is 0. */
export function share(part: Query, whole: Query): Query {
  return { expr: `${part.expr} / (${whole.expr} > 0)`, unit: 'percentunit' };
}

/** Little's law: seconds that each waits, from how many stand and how many leave a second. */
export function wait(standing: Query, leaving: Query): Query {
  return { ...share(standing, leaving), unit: 's' };
}

/**
 * The share of the offered packets that tun dropped, for queues that have both figures. At level lean before Linux 7.3 a
 * device's several queues have only drops, which must not count against other queues' packets.
 */
export function lossOf(dropped: Query, offered: Query, by: readonly string[] = []): Query {
  return share(sum(only(dropped, QUEUE, offered), by), sum(offered, by));
}

/** How much of a ring cannot be filled: slots that were read and not given back are as good as used, where --detail full tells them. */
export function fillOf(scope: Scope, occupancy: Query): Query {
  const withLag = plus(occupancy, value(scope, 'tapscope_ring_lag_packets'));
  const used = { expr: `(${either(withLag, occupancy).expr})`, unit: occupancy.unit };
  return share(used, value(scope, 'tapscope_ring_capacity_packets'));
}

/** 1 for each ring into which no packet fits, else 0. Without lag it counts as full where it lacks as little as lag may be: alerts.yml says why. */
export function fullOf(scope: Scope, occupancy: Query): Query {
  const capacity = value(scope, 'tapscope_ring_capacity_packets');
  const lag = value(scope, 'tapscope_ring_lag_packets');
  const fillable = `(${capacity.expr} - ${lag.expr} or ${capacity.expr} - 15 * (${capacity.expr} >= bool 32))`;
  return only({ expr: `${occupancy.expr} >= bool ${fillable}`, unit: 'short' }, QUEUE, where(capacity, '> 0'));
}

/** The figure, or 0 where there is something that could have it: a series that begins with its first hit is absent before. */
export function orNone(figure: Query, there: Query): Query {
  return either(figure, times(0, there));
}

export function only({ expr, unit }: Query, on: readonly string[], condition: Query): Query {
  return { expr: `(${expr} and on (${on.join(', ')}) (${condition.expr}))`, unit };
}

export function where({ expr, unit }: Query, comparison: string): Query {
  return { expr: `${expr} ${comparison}`, unit };
}

/** Adds the host's kernel to a query by instance: a changed kernel has a line before and a line after. */
export function perKernel(scope: Scope, { expr, unit }: Query): Query {
  const kernel = max(value(scope, 'tapscope_build_info'), KERNEL);
  return { expr: `${expr} * on (instance) group_left (kernel) ${kernel.expr}`, unit };
}

/** Adds the namespace's name; one without a name gets its inode number. */
export function named(scope: Scope, { expr, unit }: Query): Query {
  return { expr: withName(expr, namespaceNames(scope)), unit };
}

/** The same as named(), for series whose namespace may have no device any more; some may have no namespace. */
export function namedByItself(scope: Scope, { expr, unit }: Query): Query {
  return { expr: withName(expr, namesOr(scope, expr)), unit };
}

function withName(expr: string, names: string): string {
  return `(${expr}) * on (instance, netns) group_left (name) ${names}`;
}

/** One series of value 1 for each namespace that has devices or a name. */
export function namespaceNames(scope: Scope): string {
  return namesOr(scope, value({ ...scope, device: scope.agent }, 'tapscope_device_up').expr);
}

function namesOr(scope: Scope, seen: string): string {
  const known = max(value(scope, 'tapscope_namespace_info'), ['instance', 'netns', 'name']);
  const all = aggregate('group', { expr: seen, unit: 'short' }, ['instance', 'netns']);
  return `(${known.expr} or on (instance, netns) label_replace(${all.expr}, "name", "$1", "netns", "(.*)"))`;
}

/** Adds a label with the same value to every series. */
export function marked({ expr, unit }: Query, label: string, text: string): Query {
  return { expr: `label_replace(${expr}, "${label}", "${text}", "", "")`, unit };
}

export function either(first: Query, ...others: readonly Query[]): Query {
  return { expr: [first, ...others].map(({ expr }) => expr).join(' or '), unit: first.unit };
}

/** The last of these labels that a guest's devices have is its name; without any other it is the device. */
const NAMES = ['device', 'unit', 'pod', 'container', 'uuid', 'vm'];
const GUEST = [...DEVICE, 'guest'];
/** Devices beyond the agent's series budget are folded into one, which belongs to many guests. */
const NOT_FOLDED = 'device!="~other"';

/** One series for each device that a process has open, with the guest's name as the label `guest`. */
export function guests(scope: Scope): Query {
  const owners = value(scope, 'tapscope_device_owner_info', NOT_FOLDED);
  const expr = NAMES.reduce((so, label) => `label_replace(${so}, "guest", "$1", "${label}", "(.+)")`, owners.expr);
  return max({ expr, unit: owners.unit }, GUEST);
}

/** Devices of the guest that `$guest` names. The name stands raw between backticks: systemd's names have backslashes. */
export function guestDevices(scope: Scope): Query {
  const named = NAMES.map((label, index) => {
    const nothingBetter = NAMES.slice(index + 1).map((better) => `${better}=""`);
    return value(
      scope,
      'tapscope_device_owner_info',
      [`${label}=\`\${guest:raw}\``, ...nothingBetter, NOT_FOLDED].join(','),
    );
  });
  return max({ expr: named.map(({ expr }) => expr).join(' or '), unit: 'short' }, DEVICE);
}

/** Adds the guest's name to a query by device or queue. */
export function withGuest(scope: Scope, { expr, unit }: Query): Query {
  return { expr: `${expr} * on (${DEVICE.join(', ')}) group_left (guest) ${guests(scope).expr}`, unit };
}

/**
 * Devices that the variable `owner` leaves. A device without an owner has no such label, and an absent label matches ".*" alone:
 * it is shown while all owners are. The query reads tapscope_device_up, for folded devices (~other) have no _info and
 * a finding may name one of them.
 */
export function ownedDevices(scope: Scope): Query {
  const any = value(scope, 'tapscope_device_up', 'comm=~"$owner"');
  const owned = value({ ...scope, queue: scope.device }, 'tapscope_queue_owner_info', 'comm=~"$owner"');
  const found = value({ ...scope, agent: scope.device }, 'tapscope_finding', 'device!="",comm=~"$owner"');
  return max(either(any, owned, found), DEVICE);
}
