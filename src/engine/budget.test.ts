// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type BudgetState, type Cost, INITIAL_BUDGET, judgeCost, parseBudget } from './budget.ts';

const cheap: Cost = { kernel: 0.001, agent: 0.001, enqueuePath: 0.001 };
const dear: Cost = { kernel: 0.02, agent: 0.001, enqueuePath: 0.015 };
/** The cost at level lean, while the load that was shed goes on. */
const still: Cost = { kernel: 0.003, agent: 0.001, enqueuePath: 0.015 };

function after(start: BudgetState, costs: readonly Cost[]): BudgetState {
  return costs.reduce((state, cost) => judgeCost(state, cost, 0.01), start);
}

const times = (count: number, cost: Cost): readonly Cost[] => Array.from({ length: count }, () => cost);

test('one dear moment sheds nothing, a second one does', () => {
  assert.equal(after(INITIAL_BUDGET, [dear, cheap, dear, cheap]).level, 'exact');
  const lean = after(INITIAL_BUDGET, [dear, dear]);
  assert.deepEqual([lean.level, lean.sheds], ['lean', 1]);
});

test('exact comes back when there is room for it, not while the load goes on', () => {
  const lean = after(INITIAL_BUDGET, [dear, dear]);
  assert.equal(after(lean, times(50, still)).level, 'lean');
  assert.equal(after(lean, [...times(4, cheap), still, ...times(4, cheap)]).level, 'lean');
  assert.equal(after(lean, times(5, cheap)).level, 'exact');
});

test('coming back too soon is tried less and less often', () => {
  let state = after(INITIAL_BUDGET, [dear, dear]);
  for (const patience of [5, 10, 20, 40]) {
    assert.equal(state.patience, patience);
    state = after(state, times(patience, cheap));
    assert.equal(state.level, 'exact');
    state = after(state, [dear, dear]);
  }
  const quiet = after(after(state, times(80, cheap)), times(100, cheap));
  assert.equal(after(quiet, [dear, dear]).patience, 5, 'after a long good time it is as at the start');
});

test('nothing is shed where that would save nothing', () => {
  const scraped: Cost = { kernel: 0.001, agent: 0.03, enqueuePath: 0.0005 };
  assert.equal(after(INITIAL_BUDGET, times(10, scraped)).level, 'exact');
});

test('exact comes back where it costs nothing, even if the rest passes the budget', () => {
  const lean = after(INITIAL_BUDGET, [dear, dear]);
  assert.equal(after(lean, times(5, { kernel: 0.001, agent: 0.03, enqueuePath: 0.0001 })).level, 'exact');
});

test('without a budget nothing is shed', () => {
  const end = times(10, dear).reduce((state, cost) => judgeCost(state, cost, undefined), INITIAL_BUDGET);
  assert.equal(end.level, 'exact');
});

test('the usual budget is 1 % of all CPUs, and 5 % of one at least', () => {
  assert.deepEqual(
    [1, 2, 5, 64].map((cpus) => parseBudget('auto', cpus)),
    [0.05, 0.025, 0.01, 0.01],
  );
});

test('a budget is a percentage or off', () => {
  assert.deepEqual([parseBudget('1%', 2), parseBudget('0.5%', 2), parseBudget('off', 2)], [0.01, 0.005, undefined]);
  for (const text of ['1', '0%', '101%', '-1%', 'much', ''])
    assert.throws(() => parseBudget(text, 2), /no share of the host's CPUs/);
});
