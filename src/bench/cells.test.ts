// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_CELLS, chooseCells } from './cells.ts';

test('the tables have a cell for each combination, and no two of one name', () => {
  const sends = ALL_CELLS.filter(({ kind }) => kind === 'send');
  // Readers, flow control, threads, queues, pinned or not; and readers with two flows in pktgen's other shape.
  assert.equal(sends.length, 2 * 4 * 2 * 2 * 2 + 2 * 2);
  assert.equal(new Set(ALL_CELLS.map(({ id }) => id)).size, ALL_CELLS.length);
});

test('--only chooses by name', () => {
  const ids = (only: string): readonly string[] => chooseCells(only).map(({ id }) => id);
  assert.deepEqual(ids('^tap/threads=4/queues=1/pinned/tail'), ['tap/threads=4/queues=1/pinned/tail-drop']);
  assert.equal(ids('^zero-copy/on').length, 6);
  assert.equal(chooseCells(undefined).length, ALL_CELLS.length);
});

test('--only says what is wrong with it', () => {
  assert.throws(
    () => chooseCells('nothing'),
    /^Error: --only=nothing names none of the 81 cells; they are called from tap\//,
  );
  assert.throws(() => chooseCells('('), /^Error: --only=\( is no regular expression: /);
});
