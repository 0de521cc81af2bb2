// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The verifier is asked about those programs only that may be attached at some time.
import assert from 'node:assert/strict';
import test from 'node:test';
import { EVENTS } from '../subjects/list.ts';
import { programsOf } from './mechanism.ts';

/** The mechanisms of a host that has everything, except for those that are used on demand only. */
const candidates = EVENTS.map((event) => ({ event, usable: event.mechanisms.filter(({ onDemand }) => !onDemand) }));
const none: ReadonlySet<string> = new Set();

function wantedWithout(...refused: readonly string[]): readonly string[] {
  return programsOf(candidates, new Map(), none).without((program) => refused.includes(program));
}

const has = (programs: readonly string[], ...names: readonly string[]): readonly boolean[] =>
  names.map((name) => programs.includes(name));

test('what is next best is not loaded where the best is', () => {
  const programs = wantedWithout();
  assert.deepEqual(has(programs, 'dropped_typed', 'offered_fentry'), [true, true]);
  assert.deepEqual(has(programs, 'dropped_raw', 'offered_raw', 'sent_raw', 'redirected_raw'), Array(4).fill(false));
});

test('what waits for a demand is loaded, and no program twice', () => {
  const programs = wantedWithout();
  assert.deepEqual(has(programs, 'sent_fexit', 'woken_fentry', 'walk_queues'), [true, true, true]);
  assert.equal(new Set(programs).size, programs.length);
});

test('what the kernel refuses gives way to what is next best, and takes along what needs it', () => {
  assert.deepEqual(has(wantedWithout('dropped_typed'), 'dropped_typed', 'dropped_raw'), [false, true]);
  const withoutEnds = wantedWithout('ended_fentry');
  assert.deepEqual(has(withoutEnds, 'offered_fentry', 'consumed_fentry', 'offered_raw'), [false, false, true]);
});

test('so does what cannot be attached', () => {
  const programs = programsOf(candidates, new Map(), new Set(['redirected_fexit'])).without(() => false);
  assert.deepEqual(has(programs, 'redirected_fexit', 'redirected_raw'), [false, true]);
});

test('an event whose mechanism is forced is not left at level lean', () => {
  const only = (event: string, mechanism: string) =>
    candidates.map((one) =>
      one.event.name === event ? { ...one, usable: one.usable.filter(({ name }) => name === mechanism) } : one,
    );
  const forced = new Map([['transmit', 'raw-tracepoint']]);
  const programs = programsOf(only('transmit', 'raw-tracepoint'), forced, none).without(() => false);
  assert.deepEqual(has(programs, 'offered_raw', 'offered_fentry'), [true, false]);
});
