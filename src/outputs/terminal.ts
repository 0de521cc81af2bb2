// SPDX-License-Identifier: Apache-2.0
// Text for a terminal of any width: lines broken at words, colours only where they are wanted.
import { styleText } from 'node:util';

/** What the text is written for. */
export interface Layout {
  /** Columns. */
  readonly width: number;
  readonly colours: boolean;
}

export type Style = Parameters<typeof styleText>[0];

/** Rows of `text`, the first behind `first` and the others behind as many blanks. A word longer than a row is cut. */
export function wrap(text: string, width: number, first = ''): readonly string[] {
  const room = Math.max(1, width - first.length);
  const rows: string[] = [];
  let row: string[] = [];
  for (const word of wordsOf(text)) {
    if (row.length > 0 && row.length + 1 + word.length > room) {
      rows.push(row.join(''));
      row = [];
    }
    row.push(...(row.length > 0 ? [' '] : []), ...word);
    while (row.length > room) rows.push(row.splice(0, room).join(''));
  }
  if (row.length > 0 || rows.length === 0) rows.push(row.join(''));
  return rows.map((one, index) => (index === 0 ? first : ' '.repeat(first.length)) + one.replaceAll(UNBROKEN, ' '));
}

const UNBROKEN = '\u00a0';

/** As letters; a number and its unit, or its next three digits, are one. */
function wordsOf(text: string): readonly (readonly string[])[] {
  return text
    .replace(/(?<=\d) (?=(?:\d{3}|ms|µs|s|min)\b|%)/g, UNBROKEN)
    .split(/[ \n\t]+/)
    .filter(Boolean)
    .map((word) => [...word]);
}

export function paint({ colours }: Layout, style: Style, text: string): string {
  return colours ? styleText(style, text) : text;
}

/** '1 queue', '2 queues'. */
export function counted(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}
