// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { baselineFile, baselineText, grown, growthOf, readMeasured, together } from './baseline.ts';
import { growthLine, SERIES } from './compare-baseline.ts';
import { BASELINE, DEFAULT_LEVEL, RAW_MODE } from './configurations.ts';
import type { Prices } from './packet-paths.ts';

function prices(nothing: Prices, exact: Prices, raw: Prices): ReadonlyMap<string, Prices> {
  return new Map([
    [BASELINE, nothing],
    [DEFAULT_LEVEL, exact],
    [RAW_MODE, raw],
  ]);
}

const before = prices({ drop: 3000 }, { drop: 3500 }, { drop: 4000 });

test('2 % of the whole is allowed, and what grows more is one sentence', () => {
  assert.deepEqual(grown(growthOf(before, prices({ drop: 3000 }, { drop: 3569 }, { drop: 3900 }))), []);
  assert.deepEqual(grown(growthOf(before, prices({ drop: 3000 }, { drop: 3571 }, { drop: 4000 }))), [
    "'level exact' adds 571 instructions to 'drop', the baseline 500: 2.0 % of all its instructions more. " +
      'Make it cheaper, or accept the price with npm run bench:cost.',
  ]);
});

test('a kernel whose packets cost something else is no growth', () => {
  const growth = growthOf(before, prices({ drop: 3300 }, { drop: 3800 }, { drop: 4300 }));
  assert.deepEqual(grown(growth), []);
  assert.deepEqual(growth.map(growthLine), [
    'level exact, drop: +500 → +500 instructions (+0.00 % of the whole)',
    'raw mode, drop: +1000 → +1000 instructions (+0.00 % of the whole)',
  ]);
});

test('what is not measured any more, or has no baseline, is no silence', () => {
  const sentences = grown(growthOf(before, prices({ drop: 3000, read: 1700 }, { drop: 3500, read: 1800 }, {})));
  assert.deepEqual(sentences, [
    "'level exact' has no baseline for 'read': run npm run bench:cost.",
    "'raw mode' was not measured on 'drop', but the baseline has it.",
  ]);
});

test('what is not measured now stays as it was, on the same kernel alone', () => {
  const old = {
    kernel: '7.3-1',
    difference: 0.01,
    prices: before,
    notRun: new Map([['perf record', 'perf: not found']]),
  };
  const prices = new Map([
    [BASELINE, { drop: 3010 }],
    [DEFAULT_LEVEL, { drop: 3400 }],
  ]);
  const measured = { kernel: '7.3-1', prices, notRun: new Map<string, string>() };
  const now = together(old, { measured, difference: 0.004 });
  assert.deepEqual(JSON.parse(baselineText(new Map([['7.3', now]]))), {
    '7.3': {
      kernel: '7.3-1',
      difference: 0.004,
      nothing: { drop: 3010 },
      'level exact': { drop: 3400 },
      'raw mode': { drop: 4010 },
      'not run': { 'perf record': 'perf: not found' },
    },
  });
  const newer = together(old, { measured: { ...measured, kernel: '7.3-2' }, difference: 0.02 });
  assert.deepEqual(newer, { ...measured, kernel: '7.3-2', difference: 0.02 });
});

test('the committed file is what the command writes, to the letter', () => {
  assert.equal(readFileSync(baselineFile, 'utf8'), baselineText(readMeasured(SERIES)));
});

test('many rings are guarded too, by 5 %', () => {
  const scaled = (enqueue: number): ReadonlyMap<string, Prices> =>
    prices({ 'enqueue, 256 queues': 4000 }, { 'enqueue, 256 queues': enqueue }, {});
  assert.deepEqual(grown(growthOf(scaled(4200), scaled(4400))), []);
  assert.deepEqual(grown(growthOf(scaled(4200), scaled(4420))), [
    "'level exact' adds 420 instructions to 'enqueue, 256 queues', the baseline 200: 5.2 % of all its instructions more. " +
      'Make it cheaper, or accept the price with npm run bench:cost.',
  ]);
});
