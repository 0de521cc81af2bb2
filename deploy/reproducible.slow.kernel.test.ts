// SPDX-License-Identifier: Apache-2.0
// The same sources give the same files, bit by bit, whichever folder they are built in, and packed twice the same package.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';

const root = join(import.meta.dirname, '..');

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

test('two Debian packages of one build are the same', () => {
  const pack = (): Readonly<Record<string, string>> => {
    execFileSync('npm', ['run', 'deb'], { cwd: root, stdio: 'pipe' });
    return sums(join(root, 'dist/deb'));
  };
  const first = pack();
  assert.ok(Object.keys(first).length > 0);
  assert.deepEqual(pack(), first);
});
