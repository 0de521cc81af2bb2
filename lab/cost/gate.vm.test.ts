// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// No packet pays more than 2 % more of instructions than when the baseline was written, and none more than it may while a question is open.
import assert from 'node:assert/strict';
import test from 'node:test';
import { noVm } from '../vm/boot.ts';
import { kernelOrWhy } from '../vm/kernels.ts';
import { BASELINE_CONFIGURATIONS, grown, growthLine, growthOn, readBaseline, SERIES } from './baseline.ts';
import { ASKED, BASELINE, GUARDED, isScaled } from './configurations.ts';
import { brokenLimits } from './cost-table.ts';
import { measureOn } from './measure-paths.ts';
import { scaledPathNames } from './packet-paths.ts';

for (const series of SERIES) {
  test(`the price per packet on Linux ${series} has not grown`, { skip: noVm }, async (t) => {
    const kernel = await kernelOrWhy(series, (line) => t.diagnostic(line));
    if (typeof kernel === 'string') return t.skip(`nothing was clocked on kernel ${series}: ${kernel}`);
    const growth = await growthOn(series, (line) => t.diagnostic(line));
    for (const one of growth) t.diagnostic(growthLine(one));
    assert.deepEqual(grown(growth), []);
  });
}

const [LIMITED] = SERIES;

test(`while a question is open no packet on Linux ${LIMITED} pays more than it may`, { skip: noVm }, async (t) => {
  const kernel = await kernelOrWhy(LIMITED, (line) => t.diagnostic(line));
  if (typeof kernel === 'string') return t.skip(`nothing was clocked on kernel ${LIMITED}: ${kernel}`);
  const extent = { configurations: [BASELINE, ASKED], rounds: 3, scales: false, timeoutMs: 1_200_000 };
  const measured = await measureOn(LIMITED, extent, (line) => t.diagnostic(line));
  assert.ok(measured.prices.has(ASKED), measured.notRun.get(ASKED));
  assert.deepEqual(brokenLimits(measured), []);
});

test('the committed baseline has every guarded price of every kernel', () => {
  for (const series of SERIES) {
    const committed = readBaseline(series);
    assert.deepEqual([...committed.keys()], BASELINE_CONFIGURATIONS);
    for (const name of GUARDED)
      for (const path of ['drop', ...(isScaled({ name }) ? scaledPathNames : [])] as const)
        assert.ok((committed.get(name)?.[path] ?? 0) > 1000, `${series}: ${name}, ${path}`);
  }
});
