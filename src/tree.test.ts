// SPDX-License-Identifier: Apache-2.0
// What holds for every file of the project: its licence, its size, its name, and what biome's rules cannot say.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';

const lineLimit = 300;
const medianLimit = 80;
const scriptLimit = 15;
const drawers = /^(utils?|helpers?|common|index|types|constants|manager|service|base)(\.|$)/;

const folders = ['addon', 'bpf', 'dashboards', 'deploy', 'lab', 'src', 'traffic'].filter((folder) =>
  existsSync(folder),
);
const sources = folders
  .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)))
  .filter((file) => /\.(ts|mjs|c|h|cc|hh)$/.test(file))
  .map((path) => ({ path, text: readFileSync(path, 'utf8') }));

const isTest = (path: string): boolean => path.endsWith('.test.ts') || path.includes('/test/');
const lineCount = (text: string): number => text.split('\n').length - 1;

/** The paths of the sources that `wrong` finds fault with: none, if all is well. */
function assertNone(wrong: (path: string, text: string) => boolean): void {
  assert.ok(sources.length > 0);
  assert.deepEqual(
    sources.filter(({ path, text }) => wrong(path, text)).map(({ path }) => path),
    [],
  );
}

test('every source file begins with its licence', () => {
  // The kernel's own style has a block comment in headers.
  const notice = /^(?:#!.*\n)?(?:\/\/|\/\*) SPDX-License-Identifier: (.*?)(?: \*\/)?\n/;
  assertNone((path, text) => {
    const runsInKernel = path.includes('.bpf.');
    return notice.exec(text)?.[1] !== (runsInKernel ? 'GPL-2.0-only OR BSD-2-Clause' : 'Apache-2.0');
  });
});

test(`no source file is longer than ${lineLimit} lines`, () => {
  assertNone((_, text) => lineCount(text) > lineLimit);
});

test(`half the source files have at most ${medianLimit} lines`, () => {
  const lengths = sources.filter(({ path }) => !isTest(path)).map(({ text }) => lineCount(text));
  const median = lengths.sort((a, b) => a - b)[Math.floor(lengths.length / 2)] ?? 0;
  assert.ok(median <= medianLimit, `the median is ${median}`);
});

test('no file or folder is a drawer', () => {
  assertNone((path) => path.split('/').some((part) => drawers.test(part)));
});

test('biome refuses what the style forbids, and nobody silences it', () => {
  const { linter, overrides } = JSON.parse(readFileSync('biome.json', 'utf8'));
  const { style, suspicious, performance } = linter.rules;
  const held = [
    style.noDefaultExport,
    style.noEnum,
    style.noNonNullAssertion,
    suspicious.noExplicitAny,
    performance.noBarrelFile,
  ];
  assert.deepEqual(held, Array(held.length).fill('error'));
  assert.deepEqual(overrides, [{ includes: ['src/**', '!src/kernel/**'], plugins: ['./src/assertion.grit'] }]);
  const silenced =
    /biome-ignore[- ]\S*\b(noDefaultExport|noEnum|noNonNullAssertion|noExplicitAny|noBarrelFile|plugin)|@ts-(ignore|nocheck)/;
  assertNone((path, text) => basename(path) !== 'tree.test.ts' && silenced.test(text));
});

test('dependencies are exact, the lock file names no registry, and scripts are few', () => {
  const { dependencies, devDependencies, scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    assert.match(String(version), /^\d+\.\d+\.\d+$/, name);
  }
  assert.doesNotMatch(readFileSync('package-lock.json', 'utf8'), /"resolved"/);
  assert.ok(Object.keys(scripts).length <= scriptLimit);
});
