// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// No rule goes unproven: each has a fault that it has to find and something that it has to leave alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RULES } from '../../src/diagnosis/all-rules.ts';
import { SERIES } from '../vm/series.ts';
import { SCENARIOS } from './catalogue.ts';
import { ELSEWHERE, PASTED } from './pasted.ts';
import { isSpecial, type PlanOptions, runsOf, wavesOf } from './plan.ts';
import type { Fault } from './scenario.ts';
import { type Said, type Score, scoreFault, scoreHealthy } from './score.ts';

const rules = RULES.map(({ name }) => name).sort();
const faults = SCENARIOS.flatMap((scenario) => scenario.faults);

test('every rule has a fault', () => {
  const found = new Set(faults.flatMap(({ rule, also = [] }) => [rule, ...also]));
  assert.deepEqual([...found].sort(), rules);
});

test('every rule has a near miss', () => {
  assert.deepEqual([...new Set(SCENARIOS.flatMap(({ nearMissOf }) => nearMissOf ?? []))].sort(), rules);
});

test('rules that may speak too are rules', () => {
  for (const { may = [] } of faults) for (const rule of may) assert.ok(rules.includes(rule), rule);
});

test('there are forty scenarios at least, each with a name of its own', () => {
  const names = SCENARIOS.map(({ name }) => name);
  assert.ok(names.length >= 40, `${names.length}`);
  assert.equal(new Set(names).size, names.length);
});

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

test('each rule has a scenario in which its first remedy is pasted, or a reason why not', () => {
  const proven = [...PASTED.map(({ rule }) => rule), ...Object.keys(ELSEWHERE)];
  assert.deepEqual(proven.toSorted(), RULES.map(({ name }) => name).toSorted());
  for (const { rule, scenario } of PASTED) {
    const faults = SCENARIOS.find(({ name }) => name === scenario)?.faults ?? [];
    assert.ok(
      faults.some((fault) => fault.rule === rule || fault.also?.includes(rule)),
      `${rule}: '${scenario}'`,
    );
  }
});

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
