// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { CONFIGURATIONS, DEFAULT_LEVEL, RAW_MODE } from './configurations.ts';
import type { Measured } from './measure.ts';
import type { Prices } from './paths.ts';
import { brokenLimits, priceTable, scaleTable, widest } from './table.ts';

const nothing: Prices = {
  enqueue: 4000,
  drop: 3000,
  read: 1700,
  'foreign packet': 2900,
  'foreign drop': 2800,
  'enqueue, 1 000 devices': 4010,
};

function measured(of: string, prices: Prices): Measured {
  const all = CONFIGURATIONS.map(({ name }) => [name, name === of ? { ...nothing, ...prices } : nothing] as const);
  return { kernel: '7.3-amd64_7.3-1', prices: new Map(all), notRun: new Map() };
}

test('the table shows what is added, no noise, and which paths the kernel does not have', () => {
  const lines = priceTable(measured(RAW_MODE, { enqueue: 4460.4, drop: 2990, read: 1707 })).split('\n');
  assert.equal(lines[2], '| nothing | 4000 | 3000 | 1700 | 2900 | 2800 | – | – | – | – | – |');
  assert.ok(lines.includes('| raw mode | +460 | −10 | · | · | · | – | – | – | – | – |'));
  assert.equal(lines.filter((line) => line.startsWith('| **')).length, 3);
});

test('a configuration that was not measured has no line', () => {
  const { kernel, notRun } = measured(RAW_MODE, {});
  const lines = priceTable({ kernel, notRun, prices: new Map([['nothing', nothing]]) }).split('\n');
  assert.equal(lines.length, 3);
});

test('a limit that does not hold is one sentence', () => {
  assert.deepEqual(
    brokenLimits(measured(RAW_MODE, { enqueue: 4600, drop: 4000, read: 1707, 'enqueue, 1 000 devices': 4612 })),
    [],
  );
  assert.deepEqual(brokenLimits(measured(RAW_MODE, { 'foreign packet': 3195, read: 1709 })), [
    "'raw mode' adds 9 instructions to 'read', 0 are allowed.",
    "'raw mode' adds 295 instructions to 'foreign packet', 280 are allowed.",
  ]);
});

test('many rings are compared by what is added, in parts of the whole price', () => {
  const dearer = measured(DEFAULT_LEVEL, { enqueue: 4400, 'enqueue, 1 000 devices': 4520 });
  assert.equal(scaleTable(dearer).split('\n')[2]?.startsWith('| level exact | +400 | +510 | – |'), true);
  assert.equal(widest(dearer), 110 / 4400);
  assert.deepEqual(brokenLimits(dearer), [
    "'level exact' adds 400 instructions to 'enqueue', 370 are allowed.",
    'Many devices or queues make a packet 2.5 % dearer.',
  ]);
});
