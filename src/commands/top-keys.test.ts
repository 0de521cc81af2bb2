// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterKey, FIRST_STATE, type TopState } from './top-keys.ts';

const press = (...keys: readonly string[]): TopState =>
  keys.reduce((state, key) => afterKey(state, key, 20), FIRST_STATE);

test('keys sort, turn, scroll and end', () => {
  assert.equal(press('t').view.sort, 't');
  assert.equal(press('R').view.isReversed, true);
  assert.equal(press('R', 'R').view.isReversed, false);
  assert.equal(press('\u001b[A').view.offset, 0);
  assert.equal(press('\u001b[6~', '\u001b[6~', '\u001b[6~', '\u001b[B').view.offset, 20);
  assert.equal(press('q').ended, true);
  assert.deepEqual(press('x', '\u0001', '\u001b[15~'), FIRST_STATE);
});

test('after / keys are text until Enter, Escape forgets it', () => {
  const typed = press('/', 'q', 'é', 'tap', '\u007f');
  assert.deepEqual([typed.view.filter, typed.typing, typed.ended], ['qéta', true, false]);
  assert.equal(press('/', '\u0001', '\u007f').view.filter, '');
  const entered = press('/', 'a', '\r', 't');
  assert.deepEqual([entered.view.filter, entered.typing, entered.view.sort], ['a', false, 't']);
  assert.deepEqual(press('/', 'a', '\u001b'), FIRST_STATE);
});
