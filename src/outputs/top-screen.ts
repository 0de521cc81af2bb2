// SPDX-License-Identifier: Apache-2.0
// One picture of `tapscope top`.
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'fast-string-width';
import { count } from '../diagnosis/format.ts';
import { lostOf, totalsOf } from '../diagnosis/host-totals.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { visible } from '../snapshot/visible.ts';
import { fitNames } from './queue-names.ts';
import { short } from './short-figures.ts';
import { counted, fit, type Layout, padEnd, paint, wrap } from './terminal-text.ts';
import { type Column, columnsIn, SORT_SIGN } from './top-columns.ts';
import { renderDetail } from './top-detail.ts';
import { topHelp } from './top-help.ts';
import { listOf, selectedIndex, type TopView } from './top-list.ts';
import type { Status, TopRow } from './top-rows.ts';

export interface TopPicture {
  readonly takenAt: number;
  readonly rows: readonly TopRow[];
  /** The snapshot, for what a row does not tell; undefined: nothing was seen yet. */
  readonly snapshot: Snapshot | undefined;
  /** How old all of it is: 'judged 9 s ago: the agent gets no CPU (load 41)'; undefined: it is of now. */
  readonly late: string | undefined;
  /** Cost of watching, as text. */
  readonly cost: string;
}

/** Size and state of the terminal; undefined: a list of all rows. */
export interface TopTerminal {
  readonly height: number;
  readonly page: 'list' | 'help' | 'detail';
  /** Lines of help or detail scrolled away. */
  readonly scrolled: number;
  /** The filter is being typed. */
  readonly typing: boolean;
}

export function renderTop(picture: TopPicture, view: TopView, layout: Layout, terminal?: TopTerminal): string {
  if (!terminal || terminal.page === 'list') return renderList(picture, view, layout, terminal);
  if (terminal.page === 'help') return inPages(topHelp(layout), 'any key: back', layout, terminal);
  const { rows } = listOf(picture.rows, view);
  const row = picture.rows.find(({ id }) => id === view.selected) ?? rows[selectedIndex(rows, view)];
  const nothing = row ? 'More in a moment: the agent is asked.' : 'No queue is selected.';
  const detail = row && picture.snapshot ? renderDetail(row, picture.snapshot, layout) : [nothing];
  return inPages(detail, 'Esc back, ↑↓ scroll', layout, terminal);
}

function inPages(text: readonly string[], keys: string, layout: Layout, { height, scrolled }: TopTerminal): string {
  const lines = text.flatMap((line) => inWidth(line, layout));
  const room = Math.max(1, height - 1);
  const from = Math.min(scrolled, Math.max(0, lines.length - room));
  const shown = lines.slice(from, from + room);
  const more = from + room < lines.length ? ' – more below' : '';
  const blank = Array.from({ length: room - shown.length }, () => '');
  return [...shown, ...blank, paint(layout, 'dim', fit(keys + more, layout.width))].slice(0, height).join('\n');
}

/** A line that is to be pasted stays one line, however long. */
function inWidth(line: string, { width }: Layout): readonly string[] {
  const plain = stripVTControlCharacters(line);
  return stringWidth(plain) <= width ? [line] : wrap(plain, width);
}

/** Before the name: '>' for the row that Enter takes, and the status as a sign, for terminals without room or colours. */
const SIGNS: Readonly<Partial<Record<Status, string>>> = { critical: '×', warning: '!', losing: '!' };
const MARGIN = 3;

function renderList(picture: TopPicture, view: TopView, layout: Layout, terminal: TopTerminal | undefined): string {
  const { rows, folded } = listOf(picture.rows, view);
  const head = wrap(headOf(picture, rows.length + folded), layout.width).slice(0, 2);
  const margin = terminal ? MARGIN : 0;
  const inner = { ...layout, width: layout.width - margin };
  const columns = columnsIn(inner.width, rows);
  const fitted = fitNames(
    rows.map(({ name }) => name),
    columns[0]?.width ?? 0,
  );
  const height = terminal?.height;
  const foot = footOf(picture, view, columns, layout, terminal);
  const fold = foldOf(folded, layout, terminal);
  const space = height === undefined ? rows.length : Math.max(1, height - head.length - 1 - foot.length);
  const room = Math.max(1, space - fold.length);
  const chosen = terminal ? selectedIndex(rows, view) : -1;
  const from = Math.max(0, Math.min(chosen - Math.floor(room / 2), rows.length - room));
  const shown = rows.slice(from, from + room).map((row, index) => {
    const isChosen = from + index === chosen;
    const sign = `${isChosen ? '>' : ' '}${SIGNS[row.status] ?? ' '} `.slice(0, margin);
    return sign + rowText(columns, { ...row, name: fitted[from + index] ?? row.name }, inner, isChosen);
  });
  const lines = [...shown, ...fold];
  const all = [
    ...head,
    paint(
      layout,
      ['bold', 'inverse'],
      padEnd(fit(' '.repeat(margin) + titleRow(columns, view), layout.width), terminal ? layout.width : 0),
    ),
    ...lines,
    ...Array.from({ length: height === undefined ? 0 : Math.max(0, space - lines.length) }, () => ''),
    ...foot,
  ];
  return all.slice(0, height).join('\n');
}

function headOf({ takenAt, rows, late }: TopPicture, found: number): string {
  const rates = rows.map(({ rate }) => rate);
  const lossy = rates.filter((rate) => (lostOf(rate) ?? 0) > 0).length;
  const { lost, offered } = totalsOf(rates);
  const at = new Date(takenAt * 1000).toISOString().slice(11, 19);
  const filtered = found === rows.length ? '' : `${count(found)} of `;
  const of = offered === undefined ? '' : ` of ${short(offered)}/s`;
  const age = late === undefined ? '' : `, ${late}`;
  return `${filtered}${counted(rows.length, 'queue')}, ${count(lossy)} losing packets: ${short(lost)}/s${of}, ${at} UTC${age}`;
}

function foldOf(folded: number, layout: Layout, terminal: TopTerminal | undefined): readonly string[] {
  if (folded === 0) return [];
  const how = terminal ? ': a shows them' : '';
  return [paint(layout, 'dim', fit(`${' '.repeat(terminal ? MARGIN : 0)}${folded} idle queues${how}`, layout.width))];
}

const KEYS = '? help, Enter detail, ↑↓ select, / filter, a idle queues, R reverse, q quit';

function footOf(
  { cost }: TopPicture,
  { filter, sort, isReversed }: TopView,
  columns: readonly Column[],
  layout: Layout,
  terminal: TopTerminal | undefined,
): readonly string[] {
  const typing = terminal?.typing ?? false;
  const filtered = typing || filter !== '' ? [`filter: ${filter}${typing ? '_' : ''}`] : [];
  const sorted = columns.find(({ key }) => key === sort);
  const star = sorted ? [`${SORT_SIGN} rows are in the order of ${sorted.title}${isReversed ? ', reversed' : ''}`] : [];
  // The keys of a terminal are in its help, beside those that sort.
  const rows = [...filtered, ...(terminal ? [KEYS] : star), cost].flatMap((text) => wrap(visible(text), layout.width));
  const most = terminal ? Math.max(1, Math.floor(terminal.height / 3)) : rows.length;
  return rows.slice(0, most).map((text) => paint(layout, 'dim', text));
}

function titleRow(columns: readonly Column[], { sort }: TopView): string {
  return columns
    .map(({ title, key, width, align }) => {
      const text = key === sort ? title + SORT_SIGN : title;
      return align === 'right' ? text.padStart(width) : text.padEnd(width);
    })
    .join(' ')
    .trimEnd();
}

function rowText(columns: readonly Column[], row: TopRow, layout: Layout, isChosen: boolean): string {
  let left = layout.width;
  return columns
    .map((column, index) => {
      const isLast = index === columns.length - 1;
      const width = isLast && column.align === 'left' ? left : Math.min(column.width, left);
      left -= width + 1;
      const text = fit(column.cell(row), width);
      const style = column.style?.(row) ?? (isChosen && column.rank === 0 ? 'bold' : undefined);
      const painted = style === undefined ? text : paint(layout, style, text);
      if (isLast && column.align === 'left') return painted;
      const blanks = ' '.repeat(padEnd(text, width).length - text.length);
      return column.align === 'right' ? blanks + painted : painted + blanks;
    })
    .join(' ');
}
