// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { EVENTS } from '../collectors/list.ts';
import { BESIDE_THE_BOOKS, missedOfAccounts, missedReads } from './probe-losses.ts';

const SKIPPED = ['the kernel skipped 5 runs of our probes'];

for (const { event, accounts, reads } of [
  { event: 'transmit', accounts: SKIPPED, reads: [] },
  { event: 'consumed', accounts: SKIPPED, reads: [] },
  { event: 'macvtap-reads', accounts: [], reads: SKIPPED },
  { event: 'stops', accounts: [], reads: [] },
  { event: 'freed', accounts: [], reads: [] },
])
  test(`runs of ${event} that the kernel skipped mark whose figures they may be`, () => {
    const state = { mechanism: 'any', attached: true, reason: undefined };
    const probes = [
      { ...state, event: 'returned', missed: 0 },
      { ...state, event, missed: 5 },
    ];
    assert.deepEqual(missedOfAccounts(probes), accounts);
    assert.deepEqual(missedReads(probes), reads);
  });

test('what is beside the accounts are events', () => {
  const events = new Set(EVENTS.map(({ name }) => name));
  assert.deepEqual(
    [...BESIDE_THE_BOOKS].filter((event) => !events.has(event)),
    [],
  );
});
