// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// No rule goes unproven: each has a fault that it has to find and something that it has to leave alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RULES } from '../../src/diagnosis/all-rules.ts';
import { SCENARIOS } from './catalogue.ts';

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
