// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMinute, parseTime } from './time-of-day.ts';

const now = new Date(2026, 10, 20, 3, 20, 30);

test('times are the last that were, a minute its end', () => {
  for (const [text, ...local] of [
    ['03:12', 20, 3, 12, 59],
    ['03:12:05', 20, 3, 12, 5],
    ['3:12', 20, 3, 12, 59],
    ['23:59', 19, 23, 59, 59],
    ['03:20', 20, 3, 20, 30],
    ['2026-11-20T03:10:00', 20, 3, 10, 0],
    ['2026-11-20 03:10', 20, 3, 10, 0],
    ['5m ago', 20, 3, 15, 30],
    ['-90s', 20, 3, 19, 0],
  ] as const) {
    const [day, hour, minute, second] = local;
    assert.equal(parseTime('--at', text, now), new Date(2026, 10, day, hour, minute, second).getTime() / 1000, text);
  }
});

test('what is not a time is one sentence', () => {
  for (const text of ['', 'noon', '24:00', '03:60', '3', '5 minutes ago', '-', '2026-13-01T00:00', 'x ago'])
    assert.throws(() => parseTime('--at', text, now), /^Error: --at=[^\n]*; write for example --at [^\n]*\.$/, text);
});

test('a minute is told from a second', () => {
  assert.deepEqual(['03:12', '3:12', '03:12:05', '5m ago', '2026-11-20T03:12'].map(isMinute), [
    true,
    true,
    false,
    false,
    false,
  ]);
});
