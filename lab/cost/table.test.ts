// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { CONFIGURATIONS, type Prices } from './configurations.ts';
import { brokenLimits, priceTable } from './table.ts';

const nothing: Prices = {
  enqueue: 4000,
  drop: 3000,
  read: 1700,
  'foreign packet': 2900,
  'foreign drop': 2800,
  'pktgen enqueue': 3000,
  'pktgen drop': 2100,
};

function measured(rawMode: Partial<Prices>): ReadonlyMap<string, Prices> {
  return new Map(CONFIGURATIONS.map(({ name }) => [name, name === 'raw mode' ? { ...nothing, ...rawMode } : nothing]));
}

test('the table shows what is added, and no noise', () => {
  const lines = priceTable(measured({ enqueue: 4460.4, drop: 2990, read: 1707 })).split('\n');
  assert.equal(lines[2], '| nothing | 4000 | 3000 | 1700 | 2900 | 2800 | 3000 | 2100 |');
  assert.equal(lines.at(-1), '| raw mode | +460 | −10 | · | · | · | · | · |');
});

test('a limit that does not hold is one sentence', () => {
  assert.deepEqual(brokenLimits(measured({ enqueue: 4600, drop: 4000 })), []);
  assert.deepEqual(brokenLimits(measured({ 'foreign packet': 3195 })), [
    "'raw mode' adds 295 instructions to foreign packet, 280 are allowed.",
  ]);
});

test('what was not measured holds no limit', () => {
  assert.ok(brokenLimits(new Map([['nothing', nothing]])).includes("'raw mode' was not measured."));
});
