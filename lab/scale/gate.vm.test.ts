// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// A queue does not cost the agent 10 % more CPU than when the baseline was written (`npm run bench:scale -- --clock`).
import assert from 'node:assert/strict';
import test from 'node:test';
import { noVm } from '../vm/boot.ts';
import { kernelOrWhy } from '../vm/kernels.ts';
import { clock, compared, grown, readBaseline, SERIES } from './clocked.ts';

test('a thousand queues cost the agent no more instructions than they did', { skip: noVm }, async (t) => {
  const kernel = await kernelOrWhy(SERIES, (line) => t.diagnostic(line));
  if (typeof kernel === 'string') return t.skip(`nothing was clocked on kernel ${SERIES}: ${kernel}`);
  const [before, now] = [readBaseline(), await clock((line) => t.diagnostic(line))];
  for (const line of compared(before, now)) t.diagnostic(line);
  assert.deepEqual(grown(before, now), []);
});
