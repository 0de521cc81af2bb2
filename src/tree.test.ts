// SPDX-License-Identifier: Apache-2.0
// What holds for every file of the project: its licence, its size, its name, and what biome's rules cannot say.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';

const lineLimit = 300;
const medianLimit = 75;
const folderLimit = 30;
const scriptLimit = 20;
const drawers = /^(utils?|helpers?|common|index|types|constants|manager|service|base)(\.|$)/;

const folders = ['addon', 'bpf', 'dashboards', 'deploy', 'lab', 'src', 'test', 'traffic'].filter((folder) =>
  existsSync(folder),
);
const sources = folders
  .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)))
  .filter((file) => /\.(ts|mjs|c|h|cc|hh)$/.test(file))
  .map((path) => ({ path, text: readFileSync(path, 'utf8') }));

const isTest = (path: string): boolean => /\.(test|guest)\.ts$/.test(path) || path.includes('/test/');
const lineCount = (text: string): number => text.split('\n').length - 1;

/** Each collector has files of the same names; `src/metrics` and `src/snapshot` may repeat them too. */
const isOfCollector = (path: string): boolean =>
  /^src\/collectors\/[^/]+\//.test(path) || ['src/metrics', 'src/snapshot'].includes(dirname(path));
/** One rule a file and nothing else, so that their number is no burden. */
const rulesFolder = 'src/diagnosis/rules';

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

test(`no folder has more than ${folderLimit} source files beside its tests`, () => {
  const counts = new Map<string, number>();
  for (const { path } of sources) if (!isTest(path)) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  const crowded = [...counts].flatMap(([folder, count]) => (count > folderLimit ? [folder] : []));
  assert.deepEqual(
    crowded.filter((folder) => folder !== rulesFolder),
    [],
  );
});

test('no two source files have the same name, but for the main.ts of a room and the files of collectors', () => {
  const places = new Map<string, string[]>();
  for (const { path } of sources) {
    if (isTest(path) || basename(path) === 'main.ts' || isOfCollector(path)) continue;
    places.set(basename(path), [...(places.get(basename(path)) ?? []), path]);
  }
  assert.deepEqual(
    [...places.values()].filter((paths) => paths.length > 1),
    [],
  );
});

test('rules/ holds rules alone: a file exports the rule of its name, and imports no other', () => {
  const rules = sources.filter(({ path }) => dirname(path) === rulesFolder && !isTest(path));
  assert.ok(rules.length > 0);
  const wrong = rules.filter(({ path, text }) => {
    const name = basename(path, '.ts').replace(/-(.)/g, (_, letter) => letter.toUpperCase());
    const exported = [...text.matchAll(/^export (?:const|function|interface|type|class) (\w+)/gm)].map(
      ([, one]) => one,
    );
    return exported.join() !== name || /from '\.\/(?!rule\.ts)/.test(text);
  });
  assert.deepEqual(
    wrong.map(({ path }) => path),
    [],
  );
});

test('no file or folder is a drawer', () => {
  assertNone((path) => path.split('/').some((part) => drawers.test(part)));
});

test('biome refuses what the style forbids, and no comment silences it', () => {
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
  assert.deepEqual(overrides[0], { includes: ['src/**', '!src/kernel/**'], plugins: ['./src/assertion.grit'] });
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

test('what is known is asked for by capability, not by the name of a mechanism', () => {
  const compares = /mechanism\([^)]*\)( \?\? '\w*'\))?\s*[!=]==? ['"`]|includes\([^)]*\.mechanism\(/;
  assertNone((path, text) => path.startsWith('src/') && !isTest(path) && compares.test(text));
});

test('the addon knows no probe, metric or struct of ours', () => {
  const ours = /\b(?:tapscope_[a-z]+|tun_\w+|tap_\w+|vhost\w*|kfree_skb|consume_skb|ptr_ring\w*|net_dev\w*|sk_buff)\b/;
  assertNone((path, text) => /^addon\/.*\.(cc|hh)$/.test(path) && ours.test(text));
});
