// SPDX-License-Identifier: Apache-2.0
// One picture of `tapscope top`.
import type { QueueRate } from '../diagnosis/queue-rates.ts';
import { visible } from '../snapshot/visible.ts';
import { fit, type Layout, padEnd, paint, wrap } from './terminal-text.ts';
import { COLUMNS, type Column, columnsIn } from './top-columns.ts';
import { rowsOf, type TopView } from './top-rows.ts';

export interface TopPicture {
  readonly takenAt: number;
  readonly rates: readonly QueueRate[];
  /** What the picture itself costs, in words. */
  readonly cost: string;
  /** How many rows of a terminal there are; undefined: all that are needed, without the keys. */
  readonly height: number | undefined;
  /** What is being typed as filter. */
  readonly typing: boolean;
}

export function renderTop(picture: TopPicture, view: TopView, layout: Layout): string {
  const { takenAt, height } = picture;
  const rates = rowsOf(picture.rates, view);
  const lossy = rates.filter(({ dropped }) => (dropped ?? 0) > 0).length;
  const at = new Date(takenAt * 1000).toISOString().slice(11, 19);
  const head = `${rates.length} of ${picture.rates.length} queues, ${lossy} losing packets, ${at} UTC`;
  const top = wrap(head, layout.width).slice(0, 2);
  const columns = columnsIn(layout.width);
  const foot = footOf(picture, view, layout);
  const room = height === undefined ? rates.length : Math.max(1, height - top.length - 1 - foot.length);
  const from = Math.min(view.offset, Math.max(0, rates.length - room));
  const shown = rates.slice(from, from + room);
  const rows = [
    ...top,
    paint(layout, ['bold', 'inverse'], fit(titleRow(columns, view, layout), layout.width)),
    ...shown.map((rate) => paintRow(rate, fit(row(columns, rate, layout), layout.width), layout)),
    ...Array.from({ length: height === undefined ? 0 : room - shown.length }, () => ''),
    ...foot,
  ];
  return rows.slice(0, height).join('\n');
}

function footOf({ cost, height, typing }: TopPicture, { filter }: TopView, layout: Layout): readonly string[] {
  const filtered = typing || filter !== '' ? [`filter: ${filter}${typing ? '_' : ''}`] : [];
  const keys = `sort ${COLUMNS.map(({ key, title }) => `${key} ${title}`).join(', ')}; R reverse, / filter, ↑↓ scroll, q quit`;
  const rows = [...filtered, cost, ...(height === undefined ? [] : [keys])].flatMap((text) =>
    wrap(visible(text), layout.width),
  );
  const most = height === undefined ? rows.length : Math.max(1, Math.floor(height / 3));
  return rows.slice(0, most).map((text) => paint(layout, 'dim', text));
}

function titleRow(columns: readonly Column[], { sort }: TopView, layout: Layout): string {
  return cells(columns, ({ title, key }) => (key === sort ? `${title}*` : title), layout);
}

function row(columns: readonly Column[], rate: QueueRate, layout: Layout): string {
  return cells(columns, ({ cell }) => cell(rate), layout);
}

function cells(columns: readonly Column[], textOf: (column: Column) => string, { width }: Layout): string {
  return columns
    .map((column, index) => {
      const text = textOf(column);
      if (index === columns.length - 1 && column.align === 'left') return text;
      return column.align === 'right'
        ? text.padStart(column.width)
        : padEnd(fit(text, Math.min(column.width, width)), column.width);
    })
    .join(' ');
}

function paintRow({ dropped, state }: QueueRate, text: string, layout: Layout): string {
  if ((dropped ?? 0) > 0) return paint(layout, 'red', text);
  return state === undefined ? text : paint(layout, 'yellow', text);
}
