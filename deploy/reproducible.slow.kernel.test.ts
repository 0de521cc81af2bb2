// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, debhelper, git, rpm.
// The same sources give the same files, bit by bit, whichever folder they are built in, and packed twice the same package.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cloneInto } from '../test/debian/bare-root.ts';

const root = join(import.meta.dirname, '..');
const COMPILED = ['bpf', 'addon', 'bench'];
/** Files of these folders that are compiled and shipped, without those that only tests use. */
const IS_SHIPPED = /^(?:(?:follow|frames|tapscope|ways)\.bpf\.o|tapscope\.node|traffic)$/;

function sums(folder: string): Readonly<Record<string, string>> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  const sum = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
  return Object.fromEntries(paths.map((path) => [relative(folder, path), sum(path)]));
}

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

for (const kind of ['deb', 'rpm'])
  test(`two packages of one build are the same: ${kind}`, () => {
    const pack = (): Readonly<Record<string, string>> => {
      execFileSync('npm', ['run', kind], { cwd: root, stdio: 'pipe' });
      return sums(join(root, 'dist', kind));
    };
    const first = pack();
    assert.ok(Object.keys(first).length > 0);
    assert.deepEqual(pack(), first);
  });
