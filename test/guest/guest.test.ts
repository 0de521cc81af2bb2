// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { EVENTS } from '../../src/subjects/list.ts';
import { allCombinations, coveringSelection, pairsOf } from './covering.ts';
import { DIFFERENCES } from './forced.ts';

test('each mechanism that is not the best of its event has its place, and no other', () => {
  const others = EVENTS.flatMap(({ name, mechanisms }) => mechanisms.slice(1).map((one) => `${name}=${one.name}`));
  assert.deepEqual(Object.keys(DIFFERENCES).sort(), others.sort());
});

const dimensions = { a: [1, 2, 3], b: ['x', 'y'], c: [1, 2], d: [1, 2] } as const;

test('all combinations but those that may not be', () => {
  const all = allCombinations(dimensions, ({ a, b }) => a !== 1 || b !== 'x');
  assert.equal(all.length, 3 * 2 * 2 * 2 - 4);
  assert.deepEqual(all[0], { a: 1, b: 'y', c: 1, d: 1 });
});

test('of combinations that cover as much, one whose pairs were chosen least', () => {
  const selection = coveringSelection(
    allCombinations({ a: [1, 2, 3, 4, 5], b: [1, 2, 3, 4, 5], c: ['x', 'y'] }, () => true),
  );
  const x = selection.filter(({ c }) => c === 'x').length;
  assert.ok(x >= 0.4 * selection.length && x <= 0.6 * selection.length, `${x} of ${selection.length}`);
});

test('every two values that may meet are in the selection, and it is small', () => {
  const all = allCombinations(dimensions, ({ a, b }) => a !== 1 || b !== 'x');
  const selection = coveringSelection(all);
  assert.deepEqual(new Set(selection.flatMap(pairsOf)), new Set(all.flatMap(pairsOf)));
  assert.ok(selection.length <= 8, `${selection.length} of ${all.length}`);
  assert.deepEqual(coveringSelection(all), selection);
});
