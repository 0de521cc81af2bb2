// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { ASKED_PRICE } from '../../src/diagnosis/ledger.ts';
import { readSection } from '../report/report.ts';
import { baselineFile, baselineText, grown, growthLine, growthOf, readMeasured, SERIES, together } from './baseline.ts';
import {
  ASKED,
  BASELINE,
  CONFIGURATIONS,
  DEFAULT_LEVEL,
  EXIT_HOOKED,
  LEAN_LEVEL,
  RAW_MODE,
  REST_LEVEL,
} from './configurations.ts';
import { report } from './cost-section.ts';
import {
  added,
  apart,
  brokenLimits,
  differenceOf,
  manyRings,
  NOISE,
  priceTable,
  scaleTable,
  widest,
} from './cost-table.ts';
import { type Measured, resultsOf } from './measure-paths.ts';
import type { Path, Prices } from './packet-paths.ts';

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
  assert.equal(lines[2], '| nothing | 4000 | 3000 | 1700 | 2900 | 2800 | – | – | – | – | – | – | – | – |');
  assert.ok(lines.includes('| raw mode | +460 | −10 | · | · | · | – | – | – | – | – | – | – | – |'));
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

const [LIMITED] = SERIES;
function sectionOf(nothing: Prices, exact: Prices): readonly string[] {
  const prices = new Map(CONFIGURATIONS.map(({ name }) => [name, name === DEFAULT_LEVEL ? exact : nothing]));
  const measured: Measured = { kernel: '7.3-1', prices, notRun: new Map() };
  const versions = { packages: new Map<string, string>() };
  return report(new Map([[LIMITED, measured]]), { limited: LIMITED, versions, difference: 0 }).split('\n');
}

test('a limit that is broken is said beside the figure', () => {
  const nothing = { enqueue: 4000, drop: 3000, 'enqueue, 256 queues': 4000 };
  const exact = { enqueue: 4220, drop: 3010, 'enqueue, 256 queues': 4540.5 };
  const lines = sectionOf(nothing, exact);
  assert.ok(lines.includes('| level exact, enqueue | 220 | 220 | yes |'));
  assert.ok(lines.includes('| level exact, enqueue, 256 queues | 541 | 240 | **does not hold**: 301 over |'));
  assert.ok(
    lines.includes('| level exact, many rings against one, of the whole price | 7.6 % | 5.0 % | **does not hold** |'),
  );
  const dearer =
    "* **does not hold**: A drop is dearer with 'level exact' than with 'pattern of ebpf_exporter: all of it'.";
  assert.ok(lines.includes(dearer));
});

test('all tables of the page are those of the committed baseline', () => {
  const measured = readMeasured(SERIES);
  const difference = Math.max(...[...measured.values()].map((one) => one.difference));
  const section = report(measured, { limited: LIMITED, versions: { packages: new Map() }, difference });
  const [ours = ''] = section.split('## Versions and commands');
  assert.ok(readSection('cost').includes(ours), 'run npm run bench:cost');
});

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

test('both courses of a configuration are one result, and what did not run has its reason', () => {
  const output = [
    'something that the guest said',
    '{"configuration":"nothing","prices":{"enqueue":3975.2,"vhost consume":1990.8}}',
    '{"configuration":"perf record","notRun":"perf: not found"}',
    '{"configuration":"nothing","prices":{"enqueue, 4 queues":4084}}',
  ].join('\n');
  const { prices, notRun } = resultsOf(output);
  assert.deepEqual(Object.fromEntries(prices), {
    nothing: { enqueue: 3975.2, 'vhost consume': 1990.8, 'enqueue, 4 queues': 4084 },
  });
  assert.deepEqual(Object.fromEntries(notRun), { 'perf record': 'perf: not found' });
});

const overhead = readFileSync('docs/overhead.md', 'utf8');

const ROWS: readonly (readonly [begin: string, configuration: string])[] = [
  ['| level `rest`, the default while all is well |', REST_LEVEL],
  ['| level `exact` |', DEFAULT_LEVEL],
  ['| level `lean` |', LEAN_LEVEL],
  ['| where no function can be traced |', RAW_MODE],
];
const COLUMNS: readonly Path[] = ['enqueue', 'read', 'drop', 'foreign drop', 'foreign packet', 'write'];

function price(configuration: string, path: Path): number {
  const prices = readMeasured(['7.3']).get('7.3')?.prices;
  return added(path, prices?.get(configuration) ?? {}, prices?.get(BASELINE) ?? {}) ?? Number.NaN;
}

function agrees(said: number, configuration: string, path: Path): void {
  const is = price(configuration, path);
  assert.ok(
    Math.abs(said - is) <= NOISE,
    `'${configuration}' adds ${is.toFixed(0)} to '${path}', the page says ${said}`,
  );
}

test('the table of prices is what was measured, within the noise', () => {
  for (const [begin, configuration] of ROWS) {
    const row = overhead.split('\n').find((line) => line.startsWith(begin)) ?? '';
    const said = row.slice(begin.length).split('|').map(Number);
    for (const [place, path] of COLUMNS.entries()) agrees(said[place] ?? Number.NaN, configuration, path);
  }
});

test('so are the prices in its sentences', () => {
  const said = (pattern: RegExp): number => Number(pattern.exec(overhead)?.[1]);
  agrees(said(/Then a packet costs \+(\d+)\./), EXIT_HOOKED, 'enqueue');
  agrees(said(/a drop elsewhere then costs (\d+)\./), `${DEFAULT_LEVEL}, before=off`, 'foreign drop');
});

test('so is what a question costs, in the page and in the answer', () => {
  const paths: readonly Path[] = ['enqueue', 'write', 'foreign packet', 'drop', 'forwarded'];
  const page = /into a tap costs (\d+) \D+ it (\d+), \D+ (\d+), a dropped one (\d+), \D+ (\d+), for /;
  const said = page.exec(overhead)?.slice(1).map(Number) ?? [];
  assert.equal(said.length, paths.length);
  for (const [place, path] of paths.entries()) agrees(said[place] ?? Number.NaN, ASKED, path);
  for (const [most, ...others] of [
    [ASKED_PRICE.packet, 'enqueue', 'write', 'foreign packet'],
    [ASKED_PRICE.bridged, 'forwarded'],
  ] as const) {
    const dearest = Math.max(...others.map((path) => price(ASKED, path)));
    assert.ok(dearest <= most && dearest > 0.9 * most, `${others}: ${dearest} of ${most}`);
  }
});
