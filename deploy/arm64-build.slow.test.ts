// SPDX-License-Identifier: Apache-2.0
// Needs: g++-aarch64-linux-gnu.
// What is compiled for each architecture compiles for arm64 too; what it is then, and that it runs, other-architecture.slow.test.ts says by hand.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');
/** As deploy/cross-build.mjs calls make. */
const ARM64 = ['MACHINE=aarch64', 'HEADERS=/usr/aarch64-linux-gnu/include', 'CC=aarch64-linux-gnu-gcc'];

test('BPF programs and the traffic program compile for arm64', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-arm64-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const words = ['--silent', '-j2', 'bpf', 'traffic', `DIST=${folder}`, ...ARM64];
  const { status, stderr } = spawnSync('make', words, { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.deepEqual(
    readdirSync(join(folder, 'bpf')).filter((name) => name.endsWith('.bpf.o')),
    ['follow.bpf.o', 'frames.bpf.o', 'tapscope.bpf.o', 'ways.bpf.o'],
  );
});
