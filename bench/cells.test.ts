// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_CELLS, chooseCells } from './cells.ts';

test('the tables have a cell for each combination, and no two of one name', () => {
  const sends = ALL_CELLS.filter(({ kind }) => kind === 'send');
  // Readers, flow control, threads, queues, pinned or not; readers with two flows in pktgen's other shape; readers with three, apart.
  assert.equal(sends.length, 2 * 4 * 2 * 2 * 2 + 2 * 2 + 2 * 3);
  assert.equal(new Set(ALL_CELLS.map(({ id }) => id)).size, ALL_CELLS.length);
});

test('--only chooses by name', () => {
  const ids = (only: string): readonly string[] => chooseCells(only).map(({ id }) => id);
  assert.deepEqual(ids('^tap/threads=4/queues=1/pinned/tail'), ['tap/threads=4/queues=1/pinned/tail-drop']);
  assert.equal(ids('^zero-copy/on').length, 6);
  assert.equal(ids('^zero-copy/macvtap/').length, 2 * 6);
});

test('guests in QEMU start only for the cells that name them', () => {
  assert.equal(chooseCells(undefined).length, 81);
  assert.ok(
    chooseCells(undefined).every(({ kind, id }) => !/macvtap/.test(id) && kind !== 'stream' && kind !== 'path'),
  );
  // Readers, with the sender and apart from it, three flows.
  assert.equal(chooseCells(undefined, 'wake').length, 2 * 2 * 3);
  // The mail's sizes, a tap and a macvtap, with zero-copy and without.
  assert.equal(chooseCells(undefined, 'zero-copy').length, 4 * 2 * 2);
  // Directions, message sizes, sessions, guests: of 1, 2, 4, 8 CPUs with as many queues, and of 2, 4, 8 with one.
  assert.equal(chooseCells(undefined, 'multiqueue').length, 6 * 2 * 4 * 7);
  assert.equal(chooseCells('^stream/both/').length, 2 * 4 * 7);
});

test('--only takes some of the cells of a document', () => {
  const ids = chooseCells('sessions=8', 'multiqueue').map(({ id }) => id);
  assert.equal(ids.length, 6 * 2 * 7);
  assert.equal(ids[0], 'stream/guest-to-external/size=512/sessions=8/queues=1');
  assert.throws(
    () => chooseCells('sessions=8', 'v7'),
    /^Error: --only=sessions=8 names none of the 12 cells of v7; they are called from tap\//,
  );
});

test('--only says what is wrong with it', () => {
  assert.throws(
    () => chooseCells('nothing'),
    /^Error: --only=nothing names none of the \d+ cells; they are called from tap\//,
  );
  assert.throws(() => chooseCells('('), /^Error: --only=\( is no regular expression: /);
});
