// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeRows } from '../outputs/top-rows.ts';
import { afterKey, FIRST_STATE, type TopState } from './top-keys.ts';

const ROWS = makeRows(
  Array.from({ length: 15 }, (_, queue) => ({
    ...{ device: 'tap0', netns: 1, namespace: 'blue', queue, offered: 1, dropped: 0, written: 0, lostBefore: 0 },
    ...{
      ring: undefined,
      stopped: undefined,
      sojourn: undefined,
      reader: undefined,
      state: undefined,
      owner: undefined,
    },
  })),
  [],
);
const press = (...keys: readonly string[]): TopState =>
  keys.reduce((state, key) => afterKey(state, key, ROWS), FIRST_STATE);
const selected = (...keys: readonly string[]): number =>
  ROWS.findIndex(({ id }) => id === press(...keys).view.selected);
const UP = '\u001b[A';
const DOWN = '\u001b[B';
const PAGE_DOWN = '\u001b[6~';

test('keys sort, turn, unfold and end', () => {
  assert.equal(press('t').view.sort, 't');
  assert.equal(press('R').view.isReversed, true);
  assert.equal(press('R', 'R').view.isReversed, false);
  assert.deepEqual([press('a').view.showsIdle, press('a', 'a').view.showsIdle], [true, false]);
  assert.equal(press('q').ended, true);
  assert.deepEqual(press('x', '\u0001', '\u001b[15~'), FIRST_STATE);
});

test('arrows select from the first row to the last', () => {
  assert.deepEqual(
    [UP, DOWN].map((key) => selected(key)),
    [0, 1],
  );
  assert.deepEqual([selected(PAGE_DOWN), selected(PAGE_DOWN, PAGE_DOWN), selected('\u001b[F')], [10, 14, 14]);
  assert.equal(selected(PAGE_DOWN, '\u001b[H'), 0);
  assert.equal(afterKey(FIRST_STATE, DOWN, []).view.selected, undefined);
});

test('Enter shows the selected queue, ? the keys; both are left without ending', () => {
  assert.equal(press('\r').page, 'detail');
  assert.equal(selected('\r'), 0);
  assert.equal(afterKey(FIRST_STATE, '\r', []).page, 'list');
  for (const back of ['\r', '\u001b', 'q']) {
    const { page, ended } = press(DOWN, '\r', DOWN, back);
    assert.deepEqual([page, ended], ['list', false]);
  }
  const scrolled = press('\r', DOWN, DOWN, UP);
  assert.deepEqual([scrolled.page, scrolled.scrolled], ['detail', 1]);
  assert.equal(press('\r', 't').view.sort, FIRST_STATE.view.sort);
  for (const key of ['?', 'h']) assert.deepEqual([press(key).page, press(key, 'x').page], ['help', 'list']);
});

test('after / keys are text until Enter, Escape forgets it', () => {
  const typed = press('/', 'q', 'é', 'tap', '\u007f');
  assert.deepEqual([typed.view.filter, typed.typing, typed.ended], ['qéta', true, false]);
  assert.equal(press('/', '\u0001', '\u007f').view.filter, '');
  const entered = press('/', 'a', '\r', 't');
  assert.deepEqual([entered.view.filter, entered.typing, entered.view.sort], ['a', false, 't']);
  assert.deepEqual(press('/', 'a', '\u001b'), FIRST_STATE);
});
