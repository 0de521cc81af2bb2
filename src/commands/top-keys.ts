// SPDX-License-Identifier: Apache-2.0
// What a key does to the view of `tapscope top`.

import { COLUMNS } from '../outputs/top-columns.ts';
import type { TopView } from '../outputs/top-rows.ts';

export interface TopState {
  readonly view: TopView;
  /** Keys are letters of the filter. */
  readonly typing: boolean;
  readonly ended: boolean;
}

export const FIRST_STATE: TopState = {
  view: { sort: 'd', isReversed: false, filter: '', offset: 0 },
  typing: false,
  ended: false,
};

const SCROLL: Readonly<Record<string, number>> = {
  '\u001b[A': -1,
  '\u001b[B': 1,
  '\u001b[5~': -10,
  '\u001b[6~': 10,
};
const ESCAPE = '\u001b';
const isBackspace = (key: string): boolean => key === '\u007f' || key === '\b';
const isEnter = (key: string): boolean => key === '\r' || key === '\n';

/** `most`: how far can be scrolled. */
export function afterKey(state: TopState, key: string, most: number): TopState {
  const { view, typing } = state;
  const scroll = SCROLL[key];
  if (scroll !== undefined)
    return { ...state, view: { ...view, offset: Math.max(0, Math.min(most, view.offset + scroll)) } };
  if (key === ESCAPE) return { ...state, typing: false, view: { ...view, filter: '', offset: 0 } };
  if (typing) return typed(state, key);
  if (key === 'q') return { ...state, ended: true };
  if (key === '/') return { ...state, typing: true };
  if (key === 'R') return { ...state, view: { ...view, isReversed: !view.isReversed } };
  return COLUMNS.some((column) => column.key === key) ? { ...state, view: { ...view, sort: key, offset: 0 } } : state;
}

function typed(state: TopState, key: string): TopState {
  const { filter } = state.view;
  if (isEnter(key)) return { ...state, typing: false };
  if (!isBackspace(key) && /\p{Cc}/u.test(key)) return state;
  const changed = isBackspace(key) ? [...filter].slice(0, -1).join('') : filter + key;
  return { ...state, view: { ...state.view, filter: changed, offset: 0 } };
}
