// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Absences } from './recycler.ts';

const NONE: ReadonlySet<bigint> = new Set();
/** Nobody notes ends; and the end of each device was noted. */
const UNSEEN = { endsAreSeen: false, isOver: (): boolean => false };
const SEEN = { endsAreSeen: true, isOver: (): boolean => true };

test('a device that is away for a moment keeps its rows', () => {
  const absences = new Absences();
  const rows = new Map([[1n, [5, 6]]]);
  for (const nowMs of [0, 500, 900])
    assert.deepEqual(absences.update(rows, NONE, { nowMs, ...UNSEEN }).forget, [], String(nowMs));
  assert.deepEqual([...absences.devices], [1n]);
  absences.update(rows, new Set([1n]), { nowMs: 1000, ...UNSEEN });
  assert.deepEqual([...absences.devices], []);
  assert.deepEqual(absences.update(rows, NONE, { nowMs: 1100, ...UNSEEN }).forget, []);
});

test('rows are forgotten after a second, and released two seconds later', () => {
  const absences = new Absences();
  const rows = new Map([[1n, [5, 6]]]);
  absences.update(rows, NONE, { nowMs: 0, ...UNSEEN });
  assert.deepEqual(absences.update(rows, NONE, { nowMs: 1000, ...UNSEEN }).forget, [5, 6]);
  assert.deepEqual(absences.update(rows, NONE, { nowMs: 2900, ...UNSEEN }).release, []);
  const { release, gone } = absences.update(rows, NONE, { nowMs: 3000, ...UNSEEN });
  assert.deepEqual([release, [...gone]], [[5, 6], [1n]]);
});

test('a row that was born late keeps the others: the last reading has all of them', () => {
  const absences = new Absences();
  assert.deepEqual(absences.update(new Map([[1n, [5]]]), NONE, { nowMs: 0, ...SEEN }).forget, [5]);
  const rows = new Map([[1n, [5, 6]]]);
  assert.deepEqual(absences.update(rows, NONE, { nowMs: 1000, ...SEEN }).release, []);
  assert.deepEqual(absences.update(rows, NONE, { nowMs: 2100, ...SEEN }).release, []);
  const { release, gone } = absences.update(rows, NONE, { nowMs: 3000, ...SEEN });
  assert.deepEqual([release, [...gone]], [[5, 6], [1n]]);
});

test('a device without rows may still get some for three seconds', () => {
  const absences = new Absences();
  for (const nowMs of [0, 1000, 2900])
    assert.equal(absences.update(new Map([[1n, []]]), NONE, { nowMs, ...SEEN }).gone.size, 0, String(nowMs));
  assert.deepEqual([...absences.update(new Map([[1n, []]]), NONE, { nowMs: 3000, ...SEEN }).gone], [1n]);
});

test('where ends are noted, a device that is away for seconds keeps its rows', () => {
  const absences = new Absences();
  const rows = new Map([[1n, [5, 6]]]);
  const onItsWay = { ...UNSEEN, endsAreSeen: true };
  for (const nowMs of [0, 1000, 9900])
    assert.deepEqual(absences.update(rows, NONE, { nowMs, ...onItsWay }).forget, [], String(nowMs));
  assert.deepEqual(absences.update(rows, NONE, { nowMs: 10_000, ...onItsWay }).forget, [5, 6]);
  assert.deepEqual([...absences.update(rows, NONE, { nowMs: 12_000, ...onItsWay }).gone], [1n]);
});
