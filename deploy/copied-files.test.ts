// SPDX-License-Identifier: Apache-2.0
// Needs: debhelper.
// The Dockerfile copies each file that the package is made of: the package is built of those alone, and of those without one.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

const project = join(import.meta.dirname, '..');
/** What the build has made before, and no COPY line brings. */
const MADE = ['dist/.built', 'dist/addon', 'dist/bench', 'dist/bpf', 'dist/src'];

/** Sources of the COPY lines of the stage that builds. */
function copied(): readonly string[] {
  const [, build = ''] = readFileSync(join(project, 'deploy/Dockerfile'), 'utf8').split(/^FROM /m);
  return [...build.matchAll(/^COPY (.+) \S+$/gm)].flatMap(([, sources = '']) => sources.split(' '));
}

/** Builds the package in a folder that has only these files, as the image has them. */
function packaged(t: TestContext, files: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-copied-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  execFileSync('cp', ['--archive', '--parents', ...files, ...MADE, folder], { cwd: project });
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'));
  const { status, stderr } = spawnSync('npm', ['run', 'deb', '--', 'tapscope'], { cwd: folder, encoding: 'utf8' });
  return { folder, status, stderr };
}

test('the files that the Dockerfile copies make the package', (t) => {
  const { folder, status, stderr } = packaged(t, copied());
  assert.equal(status, 0, stderr);
  assert.match(readdirSync(join(folder, 'dist/deb')).join(), /^tapscope_[\d.]+_\w+\.deb$/);
});

for (const name of ['CHANGELOG.md', 'dashboards', 'docs'])
  test(`without ${name} among them it fails and names it`, (t) => {
    const others = copied().filter((one) => one !== name);
    assert.equal(others.length, copied().length - 1);
    const { status, stderr } = packaged(t, others);
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`ENOENT.*/${name}`));
  });
