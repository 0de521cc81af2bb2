// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { isRealtime, isUsercopyHardened, possibleCpus, sharesBottomHalves, unzipped } from './host.ts';

test('the highest possible CPU, of every form of the kernel’s list', () => {
  assert.deepEqual(['0', '0-3', '0-1,4-7'].map(possibleCpus), [1, 4, 8]);
});

test('tasks of one CPU share bottom halves on PREEMPT_RT without the lock, and where its configuration cannot be read', () => {
  const realtime = '#1 SMP PREEMPT_RT Debian 7.3.4-1 (2026-11-15)';
  assert.equal(sharesBottomHalves(realtime, 'CONFIG_PREEMPT_RT=y\n'), false, 'before Linux 6.18');
  assert.equal(sharesBottomHalves(realtime, 'CONFIG_PREEMPT_RT_NEEDS_BH_LOCK=y\n'), false);
  assert.equal(sharesBottomHalves(realtime, '# CONFIG_PREEMPT_RT_NEEDS_BH_LOCK is not set\n'), true);
  assert.equal(sharesBottomHalves(realtime, ''), true);
  assert.equal(sharesBottomHalves('#1 SMP PREEMPT_DYNAMIC Debian 7.3.4-1', ''), false);
});

test('hardened usercopy: the last word of the command line, else the default of the build', () => {
  const [built, off] = ['CONFIG_HARDENED_USERCOPY=y\n', '# CONFIG_HARDENED_USERCOPY is not set\n'];
  assert.equal(isUsercopyHardened('quiet hardened_usercopy=on hardened_usercopy=off', built), false);
  assert.equal(isUsercopyHardened('hardened_usercopy=1', off), true);
  assert.equal(isUsercopyHardened('', built), true);
  assert.equal(isUsercopyHardened('', off), false);
  assert.equal(isUsercopyHardened('', `${built}# CONFIG_HARDENED_USERCOPY_DEFAULT_ON is not set\n`), false);
  assert.equal(isUsercopyHardened('', ''), undefined);
});

test('a configuration that the kernel itself has is packed', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'host-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'config.gz');
  assert.equal(unzipped(file), undefined);
  writeFileSync(file, gzipSync('CONFIG_TUN=m\n'));
  assert.equal(unzipped(file), 'CONFIG_TUN=m\n');
  writeFileSync(file, 'CONFIG_TUN=m\n');
  assert.equal(unzipped(file), undefined);
});

test('a kernel says in its build whether it is PREEMPT_RT', () => {
  assert.equal(isRealtime('#1 SMP PREEMPT_RT Debian 6.12.48-1 (2026-09-20)'), true);
  assert.equal(isRealtime('#1 SMP PREEMPT_DYNAMIC Debian 6.12.48-1 (2026-09-20)'), false);
  assert.equal(isRealtime('#1 PREEMPT(lazy)  Debian 7.3~rc7-1~exp1'), false);
});
