// SPDX-License-Identifier: Apache-2.0
// The rows that `tapscope top` shows, and their order: sorted, filtered, idle queues folded.
import { inNumericOrder } from './numeric-order.ts';
import { COLUMNS } from './top-columns.ts';
import type { TopRow } from './top-rows.ts';

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

interface TopList {
  readonly rows: readonly TopRow[];
  /** Idle queues that are not shown. */
  readonly folded: number;
}

/** A single idle queue takes no more room than the line that would stand for it. */
const FEWEST_FOLDED = 2;

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
