// SPDX-License-Identifier: Apache-2.0
// Counts of each shard by property, so that a dashboard needs some thousand series and not those of every tap: which share of the
// taps and hosts with a kernel, a ring size or a tenant loses packets. A host belongs to one shard: the counts of several shards add up.
import {
  INFO,
  LOST_AT_RING,
  LOST_BEFORE,
  OFFERED,
  type Recorded,
  TAP_LABELS,
  UNCOUNTED,
} from '../../src/fleet/tier.ts';

const ofTap = `(${TAP_LABELS.join(', ')})`;

/** Labels of INFO that taps share, by the word that the label `factor` says for each. */
const FACTORS: Readonly<Record<string, string>> = {
  kernel: 'kernel',
  qdisc: 'qdisc',
  'ring size': 'queue_length',
  'flow control': 'flow_control',
  kind: 'kind',
  program: 'program',
  runtime: 'runtime',
  tenant: 'tenant',
};

/** `fleet-state.ts` judges by the same limits, over the time that it is asked for. */
const LEAST_SHARE = 0.001;
const LEAST_LOST = 50;

/** The rate of each tap, per second; a counter that a tap does not have adds nothing. */
function perSecond(counters: readonly Recorded[]): string {
  const parts = counters.map(({ record }, index) => `  label_replace(rate(${record}[5m]), "part", "${index}", "", "")`);
  return `sum by ${ofTap} (\n${parts.join('\n  or\n')}\n)`;
}

const OFFERED_RATE: Recorded = {
  record: 'shard:tapscope_offered_packets:rate5m',
  expr: perSecond([OFFERED, LOST_BEFORE]),
};
const LOST_RATE: Recorded = {
  record: 'shard:tapscope_lost_packets:rate5m',
  expr: perSecond([LOST_AT_RING, LOST_BEFORE, UNCOUNTED]),
};

/** The taps that lose packets in numbers, with the labels of INFO. */
export const LOSING: Recorded = {
  record: 'tap:tapscope_lost:ratio_rate5m',
  expr: `0 * ${INFO.record} + on ${ofTap} group_left () (
  (300 * ${LOST_RATE.record} >= ${LEAST_LOST}) / (300 * ${OFFERED_RATE.record} > 0) >= ${LEAST_SHARE}
)`,
};

/** The sum over the values of all factors; `of`: the figures, by one label. */
function byFactor(of: (label: string) => string): string {
  const parts = Object.entries(FACTORS).map(([factor, label]) => {
    const valued = `label_replace(label_replace(${of(label)}, "value", "(none)", "", ""), "value", "$1", "${label}", "(.+)")`;
    return `  label_replace(${valued}, "factor", "${factor}", "", "")`;
  });
  return `sum by (factor, value) (\n${parts.join('\n  or\n')}\n)`;
}

function hostsBy(label: string, record: string): string {
  return `count by (${label}) (group by (${label}, instance) (${record}))`;
}

function packetsBy(label: string, perTap: string): string {
  return `sum by (${label}) (${perTap} * on ${ofTap} group_left (${label}) (0 * ${INFO.record} + 1))`;
}

export const FACTOR_TAPS: Recorded = {
  record: 'factor:tapscope_taps:count',
  expr: byFactor((label) => `count by (${label}) (${INFO.record})`),
};
export const FACTOR_LOSING_TAPS: Recorded = {
  record: 'factor:tapscope_losing_taps:count',
  expr: byFactor((label) => `count by (${label}) (${LOSING.record})`),
};
export const FACTOR_HOSTS: Recorded = {
  record: 'factor:tapscope_hosts:count',
  expr: byFactor((label) => hostsBy(label, INFO.record)),
};
export const FACTOR_LOSING_HOSTS: Recorded = {
  record: 'factor:tapscope_losing_hosts:count',
  expr: byFactor((label) => hostsBy(label, LOSING.record)),
};
export const FACTOR_OFFERED: Recorded = {
  record: 'factor:tapscope_offered_packets:rate5m',
  expr: byFactor((label) => packetsBy(label, OFFERED_RATE.record)),
};
export const FACTOR_LOST: Recorded = {
  record: 'factor:tapscope_lost_packets:rate5m',
  expr: byFactor((label) => packetsBy(label, LOST_RATE.record)),
};
export const HOST_OFFERED: Recorded = {
  record: 'host:tapscope_offered_packets:rate5m',
  expr: `sum by (instance, job) (${OFFERED_RATE.record})`,
};
export const HOST_LOST: Recorded = {
  record: 'host:tapscope_lost_packets:rate5m',
  expr: `sum by (instance, job) (${LOST_RATE.record})`,
};
export const HOST_LOSING_TAPS: Recorded = {
  record: 'host:tapscope_losing_taps:count',
  expr: `count by (instance, job) (${LOSING.record})`,
};

/** The order matters: each asks for those before it. Records that begin with shard: are not sent on. */
export const FACTOR_TIER: readonly Recorded[] = [
  OFFERED_RATE,
  LOST_RATE,
  LOSING,
  FACTOR_TAPS,
  FACTOR_LOSING_TAPS,
  FACTOR_HOSTS,
  FACTOR_LOSING_HOSTS,
  FACTOR_OFFERED,
  FACTOR_LOST,
  HOST_OFFERED,
  HOST_LOST,
  HOST_LOSING_TAPS,
];
