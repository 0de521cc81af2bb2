// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { EVENTS } from '../subjects/list.ts';
import { missedOfAccounts, missedReads, SkippedTransmits } from './probe-losses.ts';

const isBeside = (event: string): boolean =>
  EVENTS.some(({ name, besideAccounts }) => name === event && besideAccounts);
const SKIPPED = ['the kernel skipped 5 runs of our probes'];

for (const { event, accounts, reads } of [
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
    assert.deepEqual(missedOfAccounts(probes, isBeside), accounts);
    assert.deepEqual(missedReads(probes), reads);
  });

test('skipped runs at the transmit function mark for 30 seconds: the kernel’s counters add what they missed', () => {
  const skipped = new SkippedTransmits();
  const transmit = (missed: number) => [
    { event: 'transmit', mechanism: 'fentry', attached: true, reason: undefined, missed },
  ];
  assert.deepEqual(skipped.sentences(transmit(0), 100), []);
  assert.deepEqual(skipped.sentences(transmit(2), 101), ['the kernel skipped 2 runs of our probes, the last 0 s ago']);
  assert.deepEqual(skipped.sentences(transmit(2), 130), ['the kernel skipped 2 runs of our probes, the last 29 s ago']);
  assert.deepEqual(skipped.sentences(transmit(2), 131), []);
  assert.deepEqual(skipped.sentences(transmit(3), 150), ['the kernel skipped 3 runs of our probes, the last 0 s ago']);
});
