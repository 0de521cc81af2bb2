// SPDX-License-Identifier: Apache-2.0
// A fleet on one screen: the first line is the answer, then what the losing taps have in common, tenants, findings, taps, and what was not seen.

import { count, percent, several } from '../diagnosis/format.ts';
import type { Factor } from '../fleet/factors.ts';
import { answerOfFleet, type Fleet, lostOf, type Tap, type Tenant } from '../fleet/fleet-state.ts';
import { visible } from '../snapshot/visible.ts';
import { counted, fit, type Layout, padEnd, paint, wrap } from './terminal-text.ts';

/** Rows of a list; the JSON has all. */
const MOST_ROWS = 10;
const COLOURS = { ok: 'green', warning: 'yellow', critical: 'red', unknown: 'magenta' } as const;

export function renderFleet(fleet: Fleet, layout: Layout): string {
  const answer = answerOfFleet(fleet);
  const blocks = [
    wrap(`${answer.toUpperCase()}: ${statusOf(fleet)}`, layout.width).map((row) => paint(layout, COLOURS[answer], row)),
    commonRows(fleet, layout),
    listOf('TENANT', fleet.tenants.filter(({ tenant, lost }) => tenant && lost > 0).map(tenantRow), layout),
    listOf('FINDING NOW', findingRows(fleet.taps), layout),
    listOf('HOST AND TAP', fleet.losing.map(tapRow), layout),
    unseenRows(fleet).flatMap((sentence) => wrap(visible(sentence), layout.width, 'Not seen: ')),
  ];
  return `${blocks
    .filter((rows) => rows.length > 0)
    .map((rows) => rows.join('\n'))
    .join('\n\n')}\n`;
}

function statusOf({ taps, losing, hosts, seconds }: Fleet): string {
  const size = `${counted(taps.length, 'tap')} on ${counted(hosts.length, 'host')}`;
  if (taps.length === 0)
    return `no tap was seen on ${counted(hosts.length, 'host')}; is the job scraped, and are the recording rules of deploy/fleet loaded?`;
  const span = `in the last ${spanOf(seconds)}`;
  if (losing.length === 0) return `none of ${size} lost packets in numbers ${span}`;
  const lost = losing.reduce((sum, tap) => sum + lostOf(tap), 0);
  const sent = losing.reduce((sum, tap) => sum + tap.offered + tap.lost.before, 0);
  return `${losing.length} of ${size} lost ${several(lost, 'packet')} ${span}, ${percent(lost / sent)} of what was sent to them`;
}

function spanOf(seconds: number): string {
  if (seconds % 86_400 === 0) return counted(seconds / 86_400, 'day');
  if (seconds % 3600 === 0) return counted(seconds / 3600, 'hour');
  return seconds >= 120 ? counted(Math.round(seconds / 60), 'minute') : counted(Math.round(seconds), 'second');
}

function commonRows({ factors, losing, taps }: Fleet, { width }: Layout): readonly string[] {
  if (losing.length === 0) return [];
  if (factors.length > 0)
    return factors.flatMap((factor, index) =>
      wrap(visible(factorWords(factor)), width, index === 0 ? 'Common:   ' : 'Then:     '),
    );
  const names = [...new Set(taps.flatMap(({ properties }) => Object.keys(properties)))].join(', ');
  return wrap(visible(`no property explains the loss better than chance (looked at: ${names})`), width, 'Common:   ');
}

function factorWords({ property, value, losingWith, all, lift, chance }: Factor): string {
  const named = value === '' ? `no ${property}` : `${property} ${value}`;
  const by = chance < 1e-6 ? 'less than one in a million' : `one in ${count(1 / chance)}`;
  return `${named}: ${losingWith} of the ${all.losing} losing taps, ${all.with} of all ${all.taps}; ${lift.toFixed(1)} times as often as the average (by chance: ${by})`;
}

function tenantRow({ tenant, taps, losing, lost, offered }: Tenant): readonly [string, string] {
  return [tenant, `${several(lost, 'packet')} lost (${percent(lost / offered)}), ${losing} of ${counted(taps, 'tap')}`];
}

function findingRows(taps: readonly Tap[]): readonly (readonly [string, string])[] {
  const kinds = new Map<string, Tap[]>();
  for (const tap of taps) {
    if (!tap.finding) continue;
    const kind = `${tap.finding.severity} ${tap.finding.rule}`;
    const having = kinds.get(kind);
    if (having) having.push(tap);
    else kinds.set(kind, [tap]);
  }
  return [...kinds]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([kind, having]) => [
      kind,
      `${counted(having.length, 'tap')} on ${counted(new Set(having.map(({ host }) => host)).size, 'host')}`,
    ]);
}

function tapRow(tap: Tap): readonly [string, string] {
  const { atRing, before, uncounted } = tap.lost;
  const parts = [
    [atRing, 'at the ring'],
    [before, 'before tun'],
    [uncounted, 'in no counter of the kernel'],
  ] as const;
  const where = parts.filter(([packets]) => packets > 0).map(([packets, place]) => `${count(packets)} ${place}`);
  const reader = tap.reader === undefined ? '' : `; reader ${tap.reader}`;
  return [
    `${tap.host} ${tap.device}`,
    `${where.join(', ')} (${percent(lostOf(tap) / (tap.offered + before))})${reader}`,
  ];
}

function listOf(head: string, rows: readonly (readonly [string, string])[], { width }: Layout): readonly string[] {
  if (rows.length === 0) return [];
  const shown = rows.slice(0, MOST_ROWS).map(([name, text]) => [visible(name), visible(text)] as const);
  const column = Math.min(Math.floor(width / 2), Math.max(head.length, ...shown.map(([name]) => name.length)) + 2);
  const more = rows.length > MOST_ROWS ? [`and ${rows.length - MOST_ROWS} more; --json has all`] : [];
  return [
    head,
    ...shown.map(([name, text]) => padEnd(fit(name, column - 2), column) + fit(text, width - column)),
    ...more,
  ];
}

function unseenRows({ silent, ambiguous, warnings, taps }: Fleet): readonly string[] {
  const inexact = taps.filter((tap) => tap.inexact);
  const some = (names: readonly string[]): string => names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : '');
  return [
    ...(silent.length > 0
      ? [`${counted(silent.length, 'host')} answered in this time and do not now: ${some(silent)}`]
      : []),
    ...(ambiguous.length > 0
      ? [`several agents report under one name, so that their taps are mixed up: ${some(ambiguous)}`]
      : []),
    ...(inexact.length > 0
      ? [
          `the figures of ${counted(inexact.length, 'tap')} are not exact now: ${some(inexact.map(({ host, device }) => `${host} ${device}`))}`,
        ]
      : []),
    ...warnings.map((warning) => `the engine warns: ${warning}`),
  ];
}
