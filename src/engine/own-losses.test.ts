// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { EVENTS } from '../collectors/list.ts';
import { BESIDE_THE_BOOKS, missedOfBooks, missedReads } from './own-losses.ts';

const SKIPPED = ['the kernel skipped 5 runs of our probes'];

for (const { event, books, reads } of [
  { event: 'transmit', books: SKIPPED, reads: [] },
  { event: 'consumed', books: SKIPPED, reads: [] },
  { event: 'macvtap-reads', books: [], reads: SKIPPED },
  { event: 'stops', books: [], reads: [] },
  { event: 'freed', books: [], reads: [] },
])
  test(`runs of ${event} that the kernel skipped mark whose figures they may be`, () => {
    const state = { mechanism: 'any', attached: true, reason: undefined };
    const probes = [
      { ...state, event: 'returned', missed: 0 },
      { ...state, event, missed: 5 },
    ];
    assert.deepEqual(missedOfBooks(probes), books);
    assert.deepEqual(missedReads(probes), reads);
  });

test('what is beside the books are events', () => {
  const events = new Set(EVENTS.map(({ name }) => name));
  assert.deepEqual(
    [...BESIDE_THE_BOOKS].filter((event) => !events.has(event)),
    [],
  );
});
