// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// A row counts as written when it, or its entry in a hash map, differs from the last sample that is kept.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MapView } from '../kernel/map-view.ts';
import { LastRows } from './last-rows.ts';

const SIZE = 16;
const BEGIN = 32;
const ROWS = 200;

function scene() {
  const bytes = new DataView(new ArrayBuffer(BEGIN + SIZE * (ROWS + 1)));
  const last = new LastRows({ view: new MapView(bytes.buffer), begin: BEGIN, size: SIZE });
  const write = (row: number, value: number): void => bytes.setUint32(BEGIN + SIZE * row + 12, value, true);
  const written = (end: number, keep: boolean, beside: readonly ReadonlyMap<number, unknown>[] = []) => [
    ...last.written(end, beside, keep),
  ];
  return { write, written };
}

test('what was written, until a sample that is kept', () => {
  const { write, written } = scene();
  written(ROWS, true);
  assert.deepEqual(written(ROWS, true), []);
  write(3, 1);
  write(ROWS, 1);
  assert.deepEqual(written(ROWS, false), [3, ROWS]);
  assert.deepEqual(written(ROWS, true), [3, ROWS]);
  assert.deepEqual(written(ROWS, false), []);
  write(3, 0);
  assert.deepEqual(written(ROWS, true), [3]);
});

test('rows that are new', () => {
  const { write, written } = scene();
  write(70, 1);
  written(10, true);
  assert.deepEqual(
    written(70, false).filter((row) => row <= 10),
    [],
  );
  assert.ok(written(70, true).includes(70));
  assert.deepEqual(written(70, true), []);
});

test('what hash maps hold of a row', () => {
  const { written } = scene();
  const drops = { packets: 1 };
  written(5, true, [new Map([[4, drops]])]);
  assert.deepEqual(written(5, false, [new Map([[4, drops]])]), []);
  assert.deepEqual(written(5, false, [new Map([[4, { packets: 1 }]])]), [4]);
  assert.deepEqual(written(5, false, [new Map()]), [4]);
});
