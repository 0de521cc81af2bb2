// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { isRealtime, possibleCpus } from './host.ts';

test('the highest possible CPU, whatever list the kernel shows', () => {
  assert.deepEqual(['0', '0-3', '0-1,4-7'].map(possibleCpus), [1, 4, 8]);
});

test('a kernel says in its build whether it is PREEMPT_RT', () => {
  assert.equal(isRealtime('#1 SMP PREEMPT_RT Debian 6.12.48-1 (2026-09-20)'), true);
  assert.equal(isRealtime('#1 SMP PREEMPT_DYNAMIC Debian 6.12.48-1 (2026-09-20)'), false);
  assert.equal(isRealtime('#1 PREEMPT(lazy)  Debian 7.3~rc7-1~exp1'), false);
});
