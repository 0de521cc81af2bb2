// SPDX-License-Identifier: Apache-2.0
// Queries of what a fleet keeps (docs/fleet.md): counts and rates that the shards recorded, and what follows from them.
import {
  FACTOR_HOSTS,
  FACTOR_LOSING_HOSTS,
  FACTOR_LOSING_TAPS,
  FACTOR_LOST,
  FACTOR_OFFERED,
  FACTOR_TAPS,
} from '../../src/fleet/factor-tier.ts';
import { HOST, type Recorded } from '../../src/fleet/tier.ts';
import { either, only, type Query, share, sum, where } from './query.ts';

const BY_VALUE = ['factor', 'value'];
/** Of any one factor each tap and each host has one value: a sum over these is a sum over all. */
const EACH_ONCE = 'factor="kernel"';

/** What is recorded with this name, as it is now. */
export function recorded({ record }: Recorded, matcher = ''): Query {
  const unit = record.endsWith('_packets:rate5m') ? 'pps' : record.includes(':ratio') ? 'percentunit' : 'short';
  return { expr: matcher === '' ? record : `${record}{${matcher}}`, unit };
}

/** At any moment of the time that is shown; a series that ended in it counts. */
export function everIn({ expr, unit }: Query): Query {
  return { expr: `max_over_time(${expr}[$__range])`, unit };
}

/** 0 where nothing is recorded: a fleet without a losing tap has no series of them. */
export function orZero(query: Query): Query {
  const hosts = sum(recorded(HOST));
  return either(query, { ...hosts, expr: `0 * ${hosts.expr}` });
}

export const total = (of: Recorded): Query => sum(recorded(of, EACH_ONCE));

/** By the values of one factor, such as tenant. */
export function ofFactor(
  factor: string,
): Readonly<Record<'lost' | 'offered' | 'share' | 'losing' | 'taps' | 'hosts', Query>> {
  const by = (of: Recorded): Query => sum(recorded(of, `factor="${factor}"`), ['value']);
  const [lost, offered] = [by(FACTOR_LOST), by(FACTOR_OFFERED)];
  return {
    lost,
    offered,
    share: share(lost, offered),
    losing: by(FACTOR_LOSING_TAPS),
    taps: by(FACTOR_TAPS),
    hosts: by(FACTOR_HOSTS),
  };
}

const of = (record: Recorded): Query => sum(recorded(record), BY_VALUE);
const [taps, losing, hosts, losingHosts] = [
  of(FACTOR_TAPS),
  of(FACTOR_LOSING_TAPS),
  of(FACTOR_HOSTS),
  of(FACTOR_LOSING_HOSTS),
];
const scalarOf = ({ expr }: Query): string => `scalar(${expr})`;

/** How many times as often a tap with this value loses packets as the average tap. */
const lift: Query = {
  expr: `(${losing.expr} / ${taps.expr}) / ${scalarOf({ ...total(FACTOR_LOSING_TAPS), expr: `${total(FACTOR_LOSING_TAPS).expr} / ${total(FACTOR_TAPS).expr}` })}`,
  unit: 'short',
};

/** A logarithm of 0 is none. */
const LESS_THAN_ALL = 0.999999;

/**
 * Of all hosts the share p loses packets, of n hosts with the value the share q: if the value had nothing to do with it, so many would lose
 * with a probability of exp(-n·(q·ln(q/p) + (1-q)·ln((1-q)/(1-p)))) at most (Hoeffding; it holds for draws without replacement, which
 * hosts are). Times the values that are looked at. `tapscope fleet` tests with more power, between the taps of one host too.
 */
const chance: Query = (() => {
  const p = `scalar(clamp_max(${total(FACTOR_LOSING_HOSTS).expr} / ${total(FACTOR_HOSTS).expr}, ${LESS_THAN_ALL}))`;
  const q = `clamp_max(${losingHosts.expr} / ${hosts.expr}, ${LESS_THAN_ALL})`;
  const distance = `${q} * ln(${q} / ${p}) + (1 - ${q}) * ln((1 - ${q}) / (1 - ${p}))`;
  const values = scalarOf({ ...taps, expr: `count(${taps.expr})` });
  return { expr: `clamp_max(${values} * exp(-1 * ${hosts.expr} * (${distance})) and (${q} > ${p}), 1)`, unit: 'short' };
})();

/** As src/fleet/factors.ts names them: at least three losing taps, half as many again as the average, and hardly by chance. */
const named: Query = {
  expr: [where(losing, '>= 3'), where(lift, '>= 1.5'), where(chance, '< 0.001')]
    .map(({ expr }) => `(${expr})`)
    .join(' and '),
  unit: 'short',
};
const ofNamed = (query: Query): Query => only(query, BY_VALUE, named);

/** Of what the losing taps have in common, and the others have not. */
export const common = {
  lift: ofNamed(lift),
  losing: ofNamed(losing),
  taps: ofNamed(taps),
  losingHosts: ofNamed(losingHosts),
  hosts: ofNamed(hosts),
  chance: ofNamed(chance),
};
