// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Needs: Node.
// No rule without a proof of its first remedy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RULES } from '../../src/diagnosis/all-rules.ts';
import { SCENARIOS } from './catalogue.ts';
import { ELSEWHERE, PASTED } from './pasted.ts';

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
