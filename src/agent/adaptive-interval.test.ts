// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { INITIAL_INTERVAL, type IntervalState, intervalOf, judgeInterval, leastOf } from './adaptive-interval.ts';

const BUDGET = 0.01;

function after(start: IntervalState, agent: readonly number[]): IntervalState {
  return agent.reduce((state, share) => judgeInterval(state, { agent: share, kernel: 0 }, BUDGET), start);
}

test('an agent over its budget looks less often, then judges less often, and no less', () => {
  const seen = [1, 2, 3, 4, 5, 6].map((measurements) => {
    const { seconds, judgedEvery } = intervalOf(after(INITIAL_INTERVAL, Array(measurements).fill(0.02)));
    return [seconds, judgedEvery];
  });
  assert.deepEqual(seen, [
    [1, 1],
    [2, 1],
    [2, 1],
    [2, 2],
    [2, 2],
    [2, 2],
  ]);
});

test('one dear moment changes nothing', () => {
  assert.equal(intervalOf(after(INITIAL_INTERVAL, [0.02, 0.005, 0.02, 0.005])).seconds, 1);
});

test('it comes back where there is room for all of it, not where it would pass the budget again', () => {
  const slow = after(INITIAL_INTERVAL, [0.02, 0.02]);
  assert.equal(intervalOf(after(slow, Array(20).fill(0.006))).seconds, 2, 'twice that would be over');
  assert.equal(intervalOf(after(slow, [0.003, 0.003, 0.006, 0.003, 0.003])).seconds, 2);
  assert.equal(intervalOf(after(slow, [0.003, 0.003, 0.003])).seconds, 1);
});

test('what the programs in the kernel cost is no reason to look less often where looking costs nothing', () => {
  const dearKernel = [1, 2, 3].reduce(
    (state) => judgeInterval(state, { agent: 0.0005, kernel: 0.05 }, BUDGET),
    INITIAL_INTERVAL,
  );
  assert.equal(intervalOf(dearKernel).seconds, 1);
});

test('it comes back where looking costs nothing, even if the programs in the kernel pass the budget', () => {
  const slow = after(INITIAL_INTERVAL, [0.02, 0.02]);
  const next = (state: IntervalState, agent: number) => judgeInterval(state, { agent, kernel: 0.05 }, BUDGET);
  const back = [1, 2, 3].reduce((state) => next(state, 0.0003), slow);
  assert.equal(intervalOf(back).seconds, 1);
  const stays = [1, 2, 3].reduce((state) => next(state, 0.0009), slow);
  assert.equal(intervalOf(stays).seconds, 2);
});

test('without a budget it looks each second', () => {
  const slow = after(INITIAL_INTERVAL, [0.02, 0.02]);
  assert.deepEqual(judgeInterval(slow, { agent: 0.5, kernel: 0 }, undefined), INITIAL_INTERVAL);
});

test('what is left when all that can be done less is', () => {
  assert.ok(Math.abs(leastOf(INITIAL_INTERVAL, 0.04) - 0.018) < 1e-9);
  assert.ok(Math.abs(leastOf(after(INITIAL_INTERVAL, [0.02, 0.02]), 0.02) - 0.018) < 1e-9);
});
