// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SERIES } from '../vm/series.ts';
import { SCENARIOS } from './catalogue.ts';
import { isSpecial, type PlanOptions, runsOf, wavesOf } from './plan.ts';

const all: PlanOptions = { seed: 1, variants: 2, series: SERIES, named: () => true };

test('a seed gives the same again, another one another', () => {
  assert.deepEqual(runsOf(SCENARIOS, all), runsOf(SCENARIOS, all));
  assert.notDeepEqual(runsOf(SCENARIOS, all), runsOf(SCENARIOS, { ...all, seed: 2 }));
});

test('one scenario alone is drawn as it is among all', () => {
  const named = (_: unknown): boolean => SCENARIOS[7] === _;
  const alone = runsOf(SCENARIOS, { ...all, named });
  assert.deepEqual(
    alone,
    runsOf(SCENARIOS, all).filter(({ scenario }) => scenario === 7),
  );
  assert.equal(alone.length, 2);
});

test('two variants, on two kernels where there are as many, and only where it can run', () => {
  for (const [index, { name, only }] of SCENARIOS.entries()) {
    const kernels = runsOf(SCENARIOS, all)
      .filter(({ scenario }) => scenario === index)
      .map(({ variant }) => variant.kernel);
    assert.equal(kernels.length, 2, name);
    assert.ok(new Set(kernels).size === 2 || only?.series.length === 1, name);
    assert.ok(
      kernels.every((kernel) => !only || only.series.includes(kernel)),
      name,
    );
  }
});

test('all runs are played once; who needs a CPU or an agent of his own is alone', () => {
  const runs = runsOf(SCENARIOS, all).filter(({ variant }) => variant.kernel === '7.3');
  const waves = wavesOf(SCENARIOS, runs);
  assert.deepEqual(new Set(waves.flat()), new Set(runs));
  assert.equal(waves.flat().length, runs.length);
  for (const wave of waves) {
    const special = wave.some(({ scenario }) => SCENARIOS[scenario]?.alone || isSpecial(SCENARIOS[scenario]));
    assert.ok(special ? wave.length === 1 : wave.length <= 6);
  }
});
