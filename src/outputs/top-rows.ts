// SPDX-License-Identifier: Apache-2.0
// Which queues `tapscope top` and the live page show, and in which order.
import type { QueueRate } from '../diagnosis/queue-rates.ts';
import { COLUMNS } from './top-columns.ts';

export interface TopView {
  /** Key of the column by which rows are sorted. */
  readonly sort: string;
  readonly isReversed: boolean;
  /** Shown are rows with this text somewhere. */
  readonly filter: string;
  /** Rows scrolled away. */
  readonly offset: number;
}

/** Sorted and filtered; queues of one rank by name. */
export function rowsOf(rates: readonly QueueRate[], { sort, isReversed, filter }: TopView): readonly QueueRate[] {
  const by = COLUMNS.find(({ key }) => key === sort) ?? COLUMNS[0];
  const wanted = filter.toLowerCase();
  const found = rates.filter((rate) =>
    COLUMNS.some(({ align, cell }) => align === 'left' && cell(rate).toLowerCase().includes(wanted)),
  );
  const sign = isReversed ? -1 : 1;
  return found.sort((a, b) => sign * compare(by?.order(a) ?? 0, by?.order(b) ?? 0) || compareNames(a, b));
}

function compare(a: number | string, b: number | string): number {
  return typeof a === 'number' && typeof b === 'number' ? b - a : compareText(String(a), String(b));
}

function compareNames(a: QueueRate, b: QueueRate): number {
  return compareText(a.device, b.device) || compareText(a.namespace, b.namespace) || (a.queue ?? 0) - (b.queue ?? 0);
}

function compareText(a: string, b: string): number {
  const [left, right] = [a, b].map(inNumericOrder);
  return left === right ? 0 : String(left) < String(right) ? -1 : 1;
}

/** As a text that sorts tap2 before tap10. Not localeCompare(): that looks for all locales. */
export function inNumericOrder(text: string): string {
  return text.replace(/\d+/g, (number) => number.padStart(12, '0'));
}
