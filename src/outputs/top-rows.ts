// SPDX-License-Identifier: Apache-2.0
// The queues that `tapscope top` shows, and their order: problems first, idle queues folded.

import type { Finding } from '../diagnosis/finding.ts';
import type { QueueRate } from '../diagnosis/queue-rates.ts';
import { inNumericOrder } from './numeric-order.ts';
import { idOf, queueNames } from './queue-names.ts';
import { COLUMNS } from './top-columns.ts';

export interface TopView {
  /** Key of the column by which rows are sorted. */
  readonly sort: string;
  readonly isReversed: boolean;
  /** Shown are rows with this text somewhere. */
  readonly filter: string;
  /** Queues that did nothing are shown too. */
  readonly showsIdle: boolean;
  /** `id` of a row; undefined, or one that is gone: the first. */
  readonly selected: string | undefined;
}

/** losing: packets are lost, too few for a finding. note: a finding that wakes no one. */
export type Status = 'critical' | 'warning' | 'losing' | 'note' | 'unknown' | 'ok' | 'idle';

export interface TopRow {
  readonly id: string;
  /** The name, which no other row has. */
  readonly name: string;
  readonly rate: QueueRate;
  readonly status: Status;
  /** About this queue, or its whole device; the worst first. */
  readonly findings: readonly Finding[];
}

export interface TopList {
  readonly rows: readonly TopRow[];
  /** Idle queues that are not shown. */
  readonly folded: number;
}

/** A single idle queue takes no more room than the line that would stand for it. */
const FEWEST_FOLDED = 2;

export function makeRows(rates: readonly QueueRate[], findings: readonly Finding[]): readonly TopRow[] {
  const names = queueNames(rates);
  return rates.map((rate) => {
    const id = idOf(rate);
    const own = findings.filter((finding) => isAbout(finding, rate));
    return { id, name: names.get(id) ?? rate.device, rate, status: statusOf(rate, own), findings: own };
  });
}

function isAbout({ device, netns, queue }: Finding, rate: QueueRate): boolean {
  return device === rate.device && netns === rate.netns && (queue === undefined || queue === rate.queue);
}

function statusOf(rate: QueueRate, [worst]: readonly Finding[]): Status {
  const { offered, dropped, written, lostBefore, ring, state } = rate;
  if (worst && worst.severity !== 'info') return worst.severity;
  if ((dropped ?? 0) > 0 || (lostBefore ?? 0) > 0) return 'losing';
  if (worst) return 'note';
  if (offered || written || ring?.occupancy || state !== undefined) return 'ok';
  return offered === undefined && dropped === undefined && rate.queue !== undefined ? 'unknown' : 'idle';
}

/** Sorted, filtered and folded; queues of one rank by losses, then by name. A filter looks at idle queues too. */
export function listOf(all: readonly TopRow[], { sort, isReversed, filter, showsIdle }: TopView): TopList {
  const by = COLUMNS.find(({ key }) => key === sort) ?? COLUMNS[0];
  const wanted = filter.toLowerCase();
  const found = all.filter((row) =>
    COLUMNS.some(({ align, cell }) => align === 'left' && cell(row).toLowerCase().includes(wanted)),
  );
  const idle = showsIdle || filter !== '' ? 0 : found.filter(({ status }) => status === 'idle').length;
  const folded = idle < FEWEST_FOLDED ? 0 : idle;
  const sign = isReversed ? -1 : 1;
  const rows = found
    .filter(({ status }) => folded === 0 || status !== 'idle')
    .sort((a, b) => sign * compare(by?.order(a) ?? 0, by?.order(b) ?? 0) || compareLosses(a, b));
  return { rows, folded };
}

/** The place of the selected row in the list. */
export function selectedIndex(rows: readonly TopRow[], { selected }: TopView): number {
  return Math.max(
    0,
    rows.findIndex(({ id }) => id === selected),
  );
}

function compare(a: number | string, b: number | string): number {
  return typeof a === 'number' && typeof b === 'number' ? b - a : compareText(String(a), String(b));
}

function compareLosses(a: TopRow, b: TopRow): number {
  return (b.rate.dropped ?? 0) - (a.rate.dropped ?? 0) || compareNames(a, b);
}

function compareNames({ rate: a }: TopRow, { rate: b }: TopRow): number {
  return compareText(a.device, b.device) || compareText(a.namespace, b.namespace) || (a.queue ?? 0) - (b.queue ?? 0);
}

function compareText(a: string, b: string): number {
  const [left, right] = [a, b].map(inNumericOrder);
  return left === right ? 0 : String(left) < String(right) ? -1 : 1;
}
