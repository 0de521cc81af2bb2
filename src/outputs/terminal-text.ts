// SPDX-License-Identifier: Apache-2.0
// Text for a terminal of any width: lines broken at words, colours only where they are wanted.
import { styleText } from 'node:util';
import stringWidth from 'fast-string-width';
import { count } from '../diagnosis/format.ts';
import { visible } from '../snapshot/visible.ts';

/** The medium of the text. */
export interface Layout {
  /** Columns. */
  readonly width: number;
  readonly colours: boolean;
  /** URL of docs/rules.md; undefined: the terminal takes no hyperlinks, or the page is not on this host. */
  readonly rulesPage?: string | undefined;
}

export type Style = Parameters<typeof styleText>[0];

const UNBROKEN = '\u00a0';
/** Splits a text into letters. Made when the first text is cut: making it takes a quarter of the time of a start. */
let graphemes: Intl.Segmenter | undefined;

/** Rows of `text`, the first behind `first` and the others behind as many blanks. A word longer than a row is cut. */
export function wrap(text: string, width: number, first = ''): readonly string[] {
  const indent = stringWidth(first);
  const room = Math.max(1, width - indent);
  const rows: string[] = [];
  let row = '';
  for (const word of wordsOf(text)) {
    if (row !== '' && stringWidth(row) + 1 + stringWidth(word) > room) {
      rows.push(row);
      row = '';
    }
    row += row === '' ? word : ` ${word}`;
    while (stringWidth(row) > room) {
      const start = startOf(row, room) || firstOf(row);
      rows.push(start);
      row = row.slice(start.length);
    }
  }
  if (row !== '' || rows.length === 0) rows.push(row);
  return rows.map((one, index) => (index === 0 ? first : ' '.repeat(indent)) + one.replaceAll(UNBROKEN, ' '));
}

/** A number and its unit, or its next three digits, are one. */
function wordsOf(text: string): readonly string[] {
  return text
    .replace(/(?<=\d) (?=(?:\d{3}|ms|µs|s|min)\b|%)/g, UNBROKEN)
    .split(/[ \n\t]+/)
    .filter(Boolean);
}

/** The text in `width` columns at most; an ellipsis stands for the rest. */
export function fit(text: string, width: number): string {
  return stringWidth(text) <= width ? text : `${startOf(text, width - 1)}…`;
}

/** Blanks behind it, up to `width` columns. */
export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - stringWidth(text)));
}

/** The whole letters that fit into `width` columns: in some scripts a letter takes two. */
function startOf(text: string, width: number): string {
  let start = '';
  let room = width;
  for (const { segment } of lettersOf(text)) {
    room -= stringWidth(segment);
    if (room < 0) break;
    start += segment;
  }
  return start;
}

function firstOf(text: string): string {
  for (const { segment } of lettersOf(text)) return segment;
  return text;
}

function lettersOf(text: string): Intl.Segments {
  graphemes ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  return graphemes.segment(text);
}

/** Where colours are wanted is decided already: Node need not ask its standard output again. */
export function paint({ colours }: Layout, style: Style, text: string): string {
  return colours ? styleText(style, text, { validateStream: false }) : text;
}

/** The name of a rule as a hyperlink (OSC 8) to what the rule finds, where the terminal takes one. */
export function linkRule({ rulesPage }: Layout, rule: string): string {
  if (rulesPage === undefined) return visible(rule);
  return `\u001b]8;;${rulesPage}#${encodeURIComponent(rule)}\u001b\\${visible(rule)}\u001b]8;;\u001b\\`;
}

/** '1 queue', '2 queues', '1 000 queues'. */
export function counted(number: number, word: string): string {
  return `${count(number)} ${word}${number === 1 ? '' : 's'}`;
}
