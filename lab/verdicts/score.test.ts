// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fault } from './scenario.ts';
import { type Said, type Score, scoreFault, scoreHealthy } from './score.ts';

const FAULT: Fault = { device: 'tap0', rule: 'a', may: ['z'], holds: () => true };

/** One text for each second from 100 on: the active rules, those of information in brackets. */
function said(...seconds: readonly string[]): readonly Said[] {
  return seconds.map((words, second) => ({
    at: 100 + second,
    findings: words
      .split(' ')
      .filter((word) => word !== '')
      .map((word) => ({ rule: word.replace(/[()]/g, ''), info: word.startsWith('(') })),
  }));
}

function summary({ outcome, told, seconds, before, surplus }: Score): readonly unknown[] {
  return [outcome, told, seconds, before.join(' '), surplus.join(' ')];
}

const late = Array.from({ length: 12 }, () => '');

const cases: readonly (readonly [name: string, said: readonly Said[], expected: readonly unknown[]])[] = [
  ['at once', said('', '', 'a', 'a'), ['right', 'a', 2, '', '']],
  ['another one first', said('', 'b', 'a', 'a'), ['right', 'a', 2, 'b', '']],
  ['another one in the end', said('', 'a', 'a', 'b a'), ['wrong', 'b', undefined, 'b', '']],
  ['nothing', said('', '', ''), ['silent', undefined, undefined, '', '']],
  ['after its time', said(...late, 'a'), ['late', undefined, 12, '', '']],
  ['with others that may and one that may not', said('a (i) z q'), ['right', 'a', 0, '', 'q']],
];

for (const [name, heard, expected] of cases) {
  test(`a fault told ${name}`, () => {
    assert.deepEqual(scoreFault(FAULT, 100, heard).map(summary), [expected]);
  });
}

test('what was said before the fault held does not count for it', () => {
  assert.deepEqual(scoreFault(FAULT, 102, said('b', 'b', 'a')).map(summary), [['right', 'a', 0, '', '']]);
});

test('a fault that did not happen is no silence', () => {
  assert.deepEqual(scoreFault(FAULT, undefined, said('', 'a')).map(summary), [
    ['did not happen', undefined, undefined, '', ''],
  ]);
});

test('company that is asked for has a score of its own, wherever it stands', () => {
  const [first, second] = scoreFault({ ...FAULT, also: ['c', 'd'] }, 100, said('a', 'a z c')).map(summary);
  assert.deepEqual(first, ['right', 'a', 0, '', '']);
  assert.deepEqual(second, ['right', 'c', 1, '', '']);
});

test('information is no alarm, and any other moment of a healthy host is', () => {
  assert.deepEqual(summary(scoreHealthy(said('(a)', '', '(b)'))), ['healthy', undefined, undefined, '', '']);
  assert.deepEqual(summary(scoreHealthy(said('', 'a', 'b', ''))), ['false alarm', 'a', undefined, '', 'b']);
});
