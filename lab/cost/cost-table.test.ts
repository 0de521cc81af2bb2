// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { CONFIGURATIONS, DEFAULT_LEVEL, RAW_MODE } from './configurations.ts';
import { apart, brokenLimits, differenceOf, manyRings, priceTable, scaleTable, widest } from './cost-table.ts';
import type { Measured } from './measure-paths.ts';
import type { Prices } from './packet-paths.ts';

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
  assert.equal(lines[2], '| nothing | 4000 | 3000 | 1700 | 2900 | 2800 | – | – | – | – | – | – | – |');
  assert.ok(lines.includes('| raw mode | +460 | −10 | · | · | · | – | – | – | – | – | – | – |'));
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

test('a drop is cheaper than with those who count as much', () => {
  const prices = new Map(measured(RAW_MODE, {}).prices);
  for (const name of ['level lean', 'level exact']) prices.set(name, { ...nothing, drop: 3100 });
  for (const { name, byDeviceAndReason } of CONFIGURATIONS)
    if (byDeviceAndReason || name.endsWith('all of it')) prices.set(name, { ...nothing, drop: 3200 });
  assert.deepEqual(brokenLimits({ ...measured(RAW_MODE, {}), prices }), []);
  prices.set('pattern of ebpf_exporter: drops, tp_btf', { ...nothing, drop: 3099 });
  prices.set('pattern of ebpf_exporter: all of it', { ...nothing, drop: 3050 });
  assert.deepEqual(brokenLimits({ ...measured(RAW_MODE, {}), prices }), [
    "A drop is dearer with 'level lean' than with 'pattern of ebpf_exporter: drops, tp_btf'.",
    "A drop is dearer with 'level exact' than with 'pattern of ebpf_exporter: all of it'.",
  ]);
});

test('many rings are compared by what is added, in parts of the whole price', () => {
  const dearer = measured(DEFAULT_LEVEL, { enqueue: 4400, 'enqueue, 1 000 devices': 4640 });
  assert.equal(scaleTable(dearer).split('\n')[3]?.startsWith('| level exact | +400 | – | – | +630 |'), true);
  assert.equal(widest(dearer, [DEFAULT_LEVEL]), 230 / 4400);
  assert.deepEqual(brokenLimits(dearer), [
    "'level exact' adds 400 instructions to 'enqueue', 220 are allowed.",
    "'level exact' adds 630 instructions to 'enqueue, 1 000 devices', 240 are allowed.",
  ]);
  assert.deepEqual(manyRings(dearer), ['Many devices or queues make a packet 5.2 % dearer.']);
});

test('a second run that differs by more than 1.5 % of the whole is one sentence', () => {
  const first = measured(DEFAULT_LEVEL, { 'foreign drop': 2900 });
  assert.deepEqual(apart(first, measured(DEFAULT_LEVEL, { 'foreign drop': 2940 })), []);
  const other = measured(DEFAULT_LEVEL, { 'foreign drop': 3000 });
  assert.equal(differenceOf(first, other), 100 / 3000);
  assert.deepEqual(apart(first, other), ['Two runs differ by 3.3 %.']);
});
