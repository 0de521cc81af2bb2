// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { isRealtime, possibleCpus, sharesBottomHalves } from './host.ts';

test('the highest possible CPU, of every form of the kernel’s list', () => {
  assert.deepEqual(['0', '0-3', '0-1,4-7'].map(possibleCpus), [1, 4, 8]);
});

test('tasks of one CPU share bottom halves on PREEMPT_RT without the lock, and where its configuration cannot be read', () => {
  const realtime = '#1 SMP PREEMPT_RT Debian 7.3.4-1 (2026-11-15)';
  assert.equal(sharesBottomHalves(realtime, 'CONFIG_PREEMPT_RT=y\n'), false, 'before Linux 6.18');
  assert.equal(sharesBottomHalves(realtime, 'CONFIG_PREEMPT_RT_NEEDS_BH_LOCK=y\n'), false);
  assert.equal(sharesBottomHalves(realtime, '# CONFIG_PREEMPT_RT_NEEDS_BH_LOCK is not set\n'), true);
  assert.equal(sharesBottomHalves(realtime, undefined), true);
  assert.equal(sharesBottomHalves('#1 SMP PREEMPT_DYNAMIC Debian 7.3.4-1', undefined), false);
});

test('a kernel says in its build whether it is PREEMPT_RT', () => {
  assert.equal(isRealtime('#1 SMP PREEMPT_RT Debian 6.12.48-1 (2026-09-20)'), true);
  assert.equal(isRealtime('#1 SMP PREEMPT_DYNAMIC Debian 6.12.48-1 (2026-09-20)'), false);
  assert.equal(isRealtime('#1 PREEMPT(lazy)  Debian 7.3~rc7-1~exp1'), false);
});
