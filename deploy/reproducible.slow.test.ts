// SPDX-License-Identifier: Apache-2.0
// Needs: Node, git.
// The same sources give the same files, bit by bit, whichever folder they are built in. Of packages shipped.slow.kernel.test.ts says it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cloneInto } from '../test/debian/bare-root.ts';
import { sums } from './sums.ts';

const root = join(import.meta.dirname, '..');
const COMPILED = ['bpf', 'addon', 'bench'];
/** Files of these folders that are compiled and shipped, without those that only tests use. */
const IS_SHIPPED = /^(?:(?:follow|frames|tapscope|ways)\.bpf\.o|tapscope\.node|traffic)$/;

function bundled(t: TestContext): Readonly<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-bundle-'));
  t.after(() => rmSync(folder, { recursive: true }));
  execFileSync('node', ['--hash-seed=1', 'deploy/bundle.mjs', folder], { cwd: root });
  return sums(folder);
}

test('two builds of the program are the same, bytecode included', (t) => {
  const first = bundled(t);
  assert.ok(Object.keys(first).some((file) => file.endsWith('.bytecode')));
  assert.deepEqual(bundled(t), first);
});

test('a clone in another folder gives the same BPF objects, addon and traffic program', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-clone-'));
  t.after(() => rmSync(folder, { recursive: true }));
  cloneInto(folder, 'clone');
  const clone = join(folder, 'clone');
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
  execFileSync('make', ['--silent', '--no-print-directory', '-j2', 'bpf', 'addon', 'traffic'], {
    cwd: clone,
    stdio: 'pipe',
  });
  const compiled = (tree: string): Readonly<Record<string, string>> =>
    Object.fromEntries(
      COMPILED.flatMap((part) => Object.entries(sums(join(tree, 'dist', part))))
        .filter(([file]) => IS_SHIPPED.test(file))
        .sort(),
    );
  assert.deepEqual(Object.keys(compiled(clone)), [
    'follow.bpf.o',
    'frames.bpf.o',
    'tapscope.bpf.o',
    'tapscope.node',
    'traffic',
    'ways.bpf.o',
  ]);
  assert.deepEqual(compiled(clone), compiled(root));
});
