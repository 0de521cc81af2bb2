// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// What each level leaves out of the ways into a ring and out of it.
import assert from 'node:assert/strict';
import test from 'node:test';
import { EVENTS } from '../subjects/list.ts';
import { type Demand, type Level, leftOut } from './mechanism.ts';

/** The mechanisms that are left of two events, best first. */
function leftAt(level: Level, ...demands: readonly Demand[]): readonly (readonly string[])[] {
  return ['transmit', 'consumed'].map((name) => {
    const event = EVENTS.find((one) => one.name === name);
    const out = event ? leftOut(event, level, new Set(demands)) : [];
    return (event?.mechanisms ?? []).map((one) => one.name).filter((one) => !out.includes(one));
  });
}

const ENTRIES = ['fentry', 'raw-tracepoint', 'arithmetic'];
const DEQUEUES = ['fentry', 'fentry-preempted', 'arithmetic', 'device-counter'];
const UNCOUNTED = ['arithmetic', 'device-counter'];

test('at rest nothing is on the way of packets', () => {
  assert.deepEqual(leftAt('exact'), [ENTRIES, DEQUEUES]);
  assert.deepEqual(leftAt('lean'), [['arithmetic'], DEQUEUES]);
  assert.deepEqual(leftAt('rest'), [['arithmetic'], UNCOUNTED]);
});

test('several queues keep one side of the ring at rest: what leaves it, or what enters it where nothing counts that', () => {
  assert.deepEqual(leftAt('rest', 'split'), [['arithmetic'], DEQUEUES]);
  assert.deepEqual(leftAt('rest', 'split', 'entries'), [ENTRIES, UNCOUNTED]);
  assert.deepEqual(leftAt('lean', 'split', 'entries'), [['arithmetic'], DEQUEUES]);
});
