// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Absences } from './recycler.ts';

const NONE: ReadonlySet<bigint> = new Set();
const never = (): boolean => false;

test('a device that is away for a moment keeps its rows', () => {
  const absences = new Absences();
  const rows = new Map([[1n, [5, 6]]]);
  for (const nowMs of [0, 500, 900])
    assert.deepEqual(absences.update(rows, NONE, { nowMs, isOver: never }).forget, [], String(nowMs));
  assert.deepEqual([...absences.devices], [1n]);
  absences.update(rows, new Set([1n]), { nowMs: 1000, isOver: never });
  assert.deepEqual([...absences.devices], []);
  assert.deepEqual(absences.update(rows, NONE, { nowMs: 1100, isOver: never }).forget, []);
});

test('rows are forgotten after a second, and released two seconds later', () => {
  const absences = new Absences();
  const rows = new Map([[1n, [5, 6]]]);
  absences.update(rows, NONE, { nowMs: 0, isOver: never });
  assert.deepEqual(absences.update(rows, NONE, { nowMs: 1000, isOver: never }).forget, [5, 6]);
  assert.deepEqual(absences.update(rows, NONE, { nowMs: 2900, isOver: never }).release, []);
  const { release, gone } = absences.update(rows, NONE, { nowMs: 3000, isOver: never });
  assert.deepEqual([release, [...gone]], [[5, 6], [1n]]);
});

test('a row that was born late keeps the others: the last reading has all of them', () => {
  const absences = new Absences();
  const isOver = (): boolean => true;
  assert.deepEqual(absences.update(new Map([[1n, [5]]]), NONE, { nowMs: 0, isOver }).forget, [5]);
  const rows = new Map([[1n, [5, 6]]]);
  assert.deepEqual(absences.update(rows, NONE, { nowMs: 1000, isOver }).release, []);
  assert.deepEqual(absences.update(rows, NONE, { nowMs: 2100, isOver }).release, []);
  const { release, gone } = absences.update(rows, NONE, { nowMs: 3000, isOver });
  assert.deepEqual([release, [...gone]], [[5, 6], [1n]]);
});

test('a device without rows may still get some for three seconds', () => {
  const absences = new Absences();
  const isOver = (): boolean => true;
  for (const nowMs of [0, 1000, 2900])
    assert.equal(absences.update(new Map([[1n, []]]), NONE, { nowMs, isOver }).gone.size, 0, String(nowMs));
  assert.deepEqual([...absences.update(new Map([[1n, []]]), NONE, { nowMs: 3000, isOver }).gone], [1n]);
});
