// SPDX-License-Identifier: Apache-2.0
// Needs: busybox-static, cpio, kmod.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { newcArchive } from './guest-files.ts';
import { findGuestKernel } from './guest-kernel.ts';
import { programPath } from './host-program.ts';

const skip = spawnSync('cpio', ['--version']).status !== 0 && 'needs cpio (apt install cpio)';

test('cpio unpacks the archive: folders, contents, and what may be executed', { skip }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-archive-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const files = new Map([
    ['init', Buffer.from('#!/bin/sh\n')],
    ['lib/deep/er/x.so', Buffer.from([0, 1, 2, 3, 4])],
  ]);
  execFileSync('cpio', ['-id', '--quiet'], { cwd: folder, input: newcArchive(['proc'], files) });
  assert.ok(statSync(join(folder, 'proc')).isDirectory());
  for (const [path, bytes] of files) assert.deepEqual(readFileSync(join(folder, path)), bytes);
  assert.equal(statSync(join(folder, 'init')).mode & 0o777, 0o755);
});

test('what a host lacks is a sentence with the package to install', async () => {
  const code = 'PROGRAM';
  assert.throws(() => programPath('no-such-program', 'its-package'), {
    ...{ code, message: 'this host has no no-such-program: apt install its-package' },
  });
  await assert.rejects(findGuestKernel('/no/such/kernel'), {
    ...{ code, message: '/no/such/kernel is not there: --guest-kernel takes the file of a kernel' },
  });
  await assert.rejects(findGuestKernel('/etc/hostname'), {
    ...{ code, message: '/etc/hostname is no kernel that a guest can start' },
  });
});

test('the kernel of the host, or a sentence where it has none', async () => {
  const found = await findGuestKernel(undefined).catch((error: Error) => error.message);
  if (typeof found === 'string') assert.match(found, /^(this host has no kernel for a guest|the guest's kernel )/);
  else assert.ok(existsSync(found.file));
});
