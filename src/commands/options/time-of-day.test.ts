// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePast } from './time-of-day.ts';

const now = new Date(2026, 10, 20, 3, 20, 30);

test('times are the last that were, a minute ends with it, and what is so long ago lies in the middle', () => {
  for (const [text, ...local] of [
    ['03:12', 20, 3, 12, 59],
    ['03:12:05', 20, 3, 12, 5],
    ['3:12', 20, 3, 12, 59],
    ['23:59', 19, 23, 59, 59],
    ['03:20', 20, 3, 20, 30],
    ['2026-11-20T03:10:00', 20, 3, 10, 0],
    ['2026-11-20 03:10', 20, 3, 10, 59],
    ['5m ago', 20, 3, 16, 0],
    ['1m ago', 20, 3, 20, 0],
    ['-90s', 20, 3, 19, 5],
    ['3s ago', 20, 3, 20, 30],
  ] as const) {
    const [day, hour, minute, second] = local;
    assert.equal(parsePast('--at', text, now).at, new Date(2026, 10, day, hour, minute, second).getTime() / 1000, text);
  }
});

test('what is not a time is one sentence', () => {
  for (const text of ['', 'noon', '24:00', '03:60', '3', '5 minutes ago', '-', '2026-13-01T00:00', 'x ago'])
    assert.throws(() => parsePast('--at', text, now), /^Error: --at=[^\n]*; write for example --at [^\n]*\.$/, text);
});

test('a minute is 60 seconds, a moment ten, and what is asked for is what is asked for', () => {
  const seconds = (text: string): number => parsePast('--at', text, now).seconds;
  for (const text of ['03:12', '3:12', '5m ago', '-5m', '1h ago', '2026-11-20T03:12', '2026-11-20T03:12Z'])
    assert.equal(seconds(text), 60, text);
  for (const text of ['03:12:05', '90s ago', '2026-11-20T03:12:00']) assert.equal(seconds(text), 10, text);
  const [then, half] = [new Date(2026, 10, 20, 3, 15, 30).getTime() / 1000, 15];
  assert.deepEqual(parsePast('--at', '5m ago', now, 30), { at: then + half, seconds: 30 });
});
