// SPDX-License-Identifier: Apache-2.0
// The help screen of `tapscope top`: its keys and columns.

import { tapscope } from '../own-command.ts';
import { type Layout, paint, wrap } from './terminal-text.ts';
import { COLUMNS, SORT_SIGN } from './top-columns.ts';

const KEYS: readonly (readonly [string, string])[] = [
  ['? h', 'this help'],
  ['Enter', 'the selected queue: figures, what was found, what to type'],
  ['↑ ↓', 'select; Page Up and Page Down by ten'],
  ['a', 'show idle queues, or fold them again'],
  ['/', 'filter by text of any column; Esc ends it'],
  ['R', 'reverse the order'],
  ['q', 'quit'],
];
const COLUMN = 17;

export function topHelp(layout: Layout): readonly string[] {
  const lines = (head: string, text: string): readonly string[] =>
    layout.width < 3 * COLUMN
      ? wrap(`${head}: ${text}`, layout.width)
      : wrap(text, layout.width, `  ${head}`.padEnd(COLUMN + 2));
  const title = (text: string): readonly string[] =>
    wrap(text, layout.width).map((line) => paint(layout, 'bold', line));
  return [
    ...wrap('tapscope top: every queue of tun, tap and macvtap devices, the worst first.', layout.width),
    '',
    ...title('Keys'),
    ...KEYS.flatMap(([key, text]) => lines(key, text)),
    '',
    ...title('Columns, and the key that sorts by each'),
    ...COLUMNS.flatMap(({ title, inFull = title, key, meaning }) => lines(`${key} ${inFull}`, meaning)),
    '',
    ...wrap(`${SORT_SIGN} stands behind the column by which the rows are sorted.`, layout.width),
    ...wrap(`– is not measured; '${tapscope('doctor')}' says why.`, layout.width),
  ];
}
