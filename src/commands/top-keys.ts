// SPDX-License-Identifier: Apache-2.0
// The keys of `tapscope top`.

import { COLUMNS } from '../outputs/top-columns.ts';
import { selectedIndex, type TopView } from '../outputs/top-list.ts';
import type { TopRow } from '../outputs/top-rows.ts';
import type { TopTerminal } from '../outputs/top-screen.ts';

/** While the view says typing, keys are letters of the filter. */
export interface TopState extends Omit<TopTerminal, 'height'> {
  readonly view: TopView;
  readonly ended: boolean;
}

export const FIRST_STATE: TopState = {
  view: { sort: 'u', isReversed: false, filter: '', showsIdle: false, selected: undefined },
  page: 'list',
  scrolled: 0,
  typing: false,
  ended: false,
};

const STEPS: Readonly<Record<string, number>> = {
  '\u001b[A': -1,
  '\u001b[B': 1,
  '\u001b[5~': -10,
  '\u001b[6~': 10,
  '\u001b[H': Number.NEGATIVE_INFINITY,
  '\u001b[F': Number.POSITIVE_INFINITY,
};
const ESCAPE = '\u001b';
const isBackspace = (key: string): boolean => key === '\u007f' || key === '\b';
const isEnter = (key: string): boolean => key === '\r' || key === '\n';
/** Lines of help or detail: longer ones are not read to their end. */
const MOST_LINES = 1000;

/** `rows`: those that are listed now. */
export function afterKey(state: TopState, key: string, rows: readonly TopRow[]): TopState {
  if (state.page !== 'list') return onPage(state, key);
  const { view, typing } = state;
  const step = STEPS[key];
  if (step !== undefined) return selecting(state, rows, selectedIndex(rows, view) + step);
  if (key === ESCAPE) return { ...state, typing: false, view: { ...view, filter: '' } };
  if (typing) return typed(state, key);
  if (key === 'q') return { ...state, ended: true };
  if (key === '/') return { ...state, typing: true };
  if (key === '?' || key === 'h') return { ...state, page: 'help', scrolled: 0 };
  if (isEnter(key)) return rows.length === 0 ? state : { ...selecting(state, rows), page: 'detail', scrolled: 0 };
  if (key === 'a') return { ...state, view: { ...view, showsIdle: !view.showsIdle } };
  if (key === 'R') return { ...state, view: { ...view, isReversed: !view.isReversed } };
  return COLUMNS.some((column) => column.key === key) ? { ...state, view: { ...view, sort: key } } : state;
}

/** The row at `index`, or the nearest; it stays selected where others come before it. */
function selecting(state: TopState, rows: readonly TopRow[], index = selectedIndex(rows, state.view)): TopState {
  const row = rows[Math.max(0, Math.min(rows.length - 1, index))];
  return { ...state, view: { ...state.view, selected: row?.id } };
}

function onPage(state: TopState, key: string): TopState {
  const step = STEPS[key];
  if (step !== undefined) return { ...state, scrolled: Math.max(0, Math.min(MOST_LINES, state.scrolled + step)) };
  const goesBack = state.page === 'help' || key === ESCAPE || key === 'q' || isEnter(key);
  return goesBack ? { ...state, page: 'list', scrolled: 0 } : state;
}

function typed(state: TopState, key: string): TopState {
  const { filter } = state.view;
  if (isEnter(key)) return { ...state, typing: false };
  if (!isBackspace(key) && /\p{Cc}/u.test(key)) return state;
  const changed = isBackspace(key) ? [...filter].slice(0, -1).join('') : filter + key;
  return { ...state, view: { ...state.view, filter: changed } };
}
