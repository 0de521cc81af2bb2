// SPDX-License-Identifier: Apache-2.0
// Queries of what a fleet keeps (docs/fleet.md): counts and rates that the shards recorded, and what follows from them.

import { HOST, type Recorded } from '../../src/fleet/tier.ts';
import { CHANCE, EACH_ONCE, LIFT, NAMED } from './factor-queries.ts';
import {
  FACTOR_HOSTS,
  FACTOR_LOSING_HOSTS,
  FACTOR_LOSING_TAPS,
  FACTOR_LOST,
  FACTOR_OFFERED,
  FACTOR_TAPS,
} from './factor-tier.ts';
import { either, only, type Query, share, sum } from './query.ts';

const BY_VALUE = ['factor', 'value'];

/** The series that are recorded with this name, as they are now. */
export function recorded({ record }: Recorded, matcher = ''): Query {
  const unit = record.endsWith('_packets:rate5m') ? 'pps' : record.includes(':ratio') ? 'percentunit' : 'short';
  return { expr: matcher === '' ? record : `${record}{${matcher}}`, unit };
}

/** The largest value in the time that is shown; a series that ended in it counts. */
export function everIn({ expr, unit }: Query): Query {
  return { expr: `max_over_time(${expr}[$__range])`, unit };
}

/** 0 where nothing is recorded: a fleet without a losing tap has no series of them. */
export function orZero(query: Query): Query {
  const hosts = sum(recorded(HOST));
  return either(query, { ...hosts, expr: `0 * ${hosts.expr}` });
}

export const total = (of: Recorded): Query => sum(recorded(of, EACH_ONCE));

/**
 * A share is never above 1. A queue that is closed loses packets that were offered before the five minutes. A scrape between two
 * recording rules brings losses before the packets that were offered.
 */
export function atMostAll({ expr, unit }: Query): Query {
  return { expr: `clamp_max(${expr}, 1)`, unit };
}

export function shareLost(lost: Query, offered: Query): Query {
  return atMostAll(share(lost, offered));
}

/** Queries by the values of one factor, such as tenant. */
export function ofFactor(
  factor: string,
): Readonly<Record<'lost' | 'offered' | 'share' | 'losing' | 'taps' | 'hosts', Query>> {
  const by = (of: Recorded): Query => sum(recorded(of, `factor="${factor}"`), ['value']);
  const [lost, offered] = [by(FACTOR_LOST), by(FACTOR_OFFERED)];
  return {
    lost,
    offered,
    share: shareLost(lost, offered),
    losing: by(FACTOR_LOSING_TAPS),
    taps: by(FACTOR_TAPS),
    hosts: by(FACTOR_HOSTS),
  };
}

const of = (record: Recorded): Query => only(sum(recorded(record), BY_VALUE), BY_VALUE, { expr: NAMED, unit: 'short' });
const ofNamed = (expr: string): Query => only({ expr, unit: 'short' }, BY_VALUE, { expr: NAMED, unit: 'short' });

/** Queries about what the losing taps have in common and other taps do not have. */
export const common = {
  lift: ofNamed(LIFT),
  losing: of(FACTOR_LOSING_TAPS),
  taps: of(FACTOR_TAPS),
  losingHosts: of(FACTOR_LOSING_HOSTS),
  hosts: of(FACTOR_HOSTS),
  chance: ofNamed(CHANCE),
};
