// SPDX-License-Identifier: Apache-2.0
// The common factors, asked of any engine in one query: for the dashboard and for alerts. `factors.ts` tests with more power what
// `tapscope fleet` reads: between the taps of one host too, and by labels of the operator's own.

import { HOST, type Recorded } from '../../src/fleet/tier.ts';
import {
  FACTOR_HOSTS,
  FACTOR_LOSING_HOSTS,
  FACTOR_LOSING_TAPS,
  FACTOR_LOST,
  FACTOR_OFFERED,
  FACTOR_TAPS,
} from './factor-tier.ts';

/** The counts of all shards. */
const of = ({ record }: Recorded): string => `sum by (factor, value) (${record})`;
/** Each tap and each host has one value of any one factor: a sum over these is a sum over all. */
export const EACH_ONCE = 'factor="kernel"';
const total = ({ record }: Recorded): string => `sum(${record}{${EACH_ONCE}})`;

/** How many times as often a tap with this value loses packets as the average tap. */
export const LIFT = `(${of(FACTOR_LOSING_TAPS)} / ${of(FACTOR_TAPS)}) / scalar(${total(FACTOR_LOSING_TAPS)} / ${total(FACTOR_TAPS)})`;

/** A logarithm of 0 is none. */
const LESS_THAN_ALL = 0.999999;
const p = `scalar(clamp_max(${total(FACTOR_LOSING_HOSTS)} / ${total(FACTOR_HOSTS)}, ${LESS_THAN_ALL}))`;
const q = `clamp_max(${of(FACTOR_LOSING_HOSTS)} / ${of(FACTOR_HOSTS)}, ${LESS_THAN_ALL})`;
const distance = `${q} * ln(${q} / ${p}) + (1 - ${q}) * ln((1 - ${q}) / (1 - ${p}))`;

/**
 * The share p of all hosts loses packets, the share q of n hosts with the value. If the value had no influence,
 * so many would lose with a probability of exp(-n·(q·ln(q/p) + (1-q)·ln((1-q)/(1-p)))) at most. That is Hoeffding's
 * bound, which holds for draws without replacement, as hosts are. CHANCE is that times the values that are looked at.
 */
export const CHANCE = `clamp_max(scalar(count(${of(FACTOR_TAPS)})) * exp(-1 * ${of(FACTOR_HOSTS)} * (${distance})) and (${q} > ${p}), 1)`;

/** The limits of factors.ts: at least three losing taps, 1.5 times the average, and hardly by chance. */
export const NAMED = `(${of(FACTOR_LOSING_TAPS)} >= 3) and (${LIFT} >= 1.5) and (${CHANCE} < 0.001)`;

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const ofTenant = ({ record }: Recorded): string => `sum by (value) (${record}{factor="tenant"})`;

/** Alerts of the whole fleet, for the Ruler or vmalert. */
export const FLEET_ALERTS: readonly Alert[] = [
  {
    alert: 'TapscopeFleetCommonFactor',
    expr: `(${LIFT}) and (${NAMED})`,
    for: '5m',
    labels: { severity: 'critical' },
    annotations: {
      summary:
        'Taps with {{ $labels.factor }} {{ $labels.value }} lose packets {{ printf "%.1f" $value }} times as often as the average tap of the fleet.',
      dashboard: '{{ $externalLabels.tapscope_grafana }}/d/tapscope-fleet',
    },
  },
  {
    alert: 'TapscopeFleetTenantLoss',
    expr: `${ofTenant(FACTOR_LOST)} / (${ofTenant(FACTOR_OFFERED)} > 0) > 0.001 and ${ofTenant(FACTOR_LOSING_TAPS)} > 0`,
    for: '5m',
    labels: { severity: 'warning' },
    annotations: {
      summary: 'Tenant {{ $labels.value }} loses {{ $value | humanizePercentage }} of the packets to its guests.',
      dashboard: '{{ $externalLabels.tapscope_grafana }}/d/tapscope-fleet',
    },
  },
  {
    alert: 'TapscopeFleetHostSilent',
    expr: `${HOST.record} offset 15m unless on (instance, job) ${HOST.record}`,
    for: '5m',
    labels: { severity: 'warning' },
    annotations: {
      summary: '{{ $labels.instance }} answered a quarter of an hour ago and does not now.',
      dashboard: '{{ $externalLabels.tapscope_grafana }}/d/tapscope-fleet',
    },
  },
];
