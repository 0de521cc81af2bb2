// SPDX-License-Identifier: Apache-2.0
// Plain words: a sentence names its subject. The words that are banned here were hard to understand in a second language.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const banned = /\b(?:nobody|somebody|whoever|anybody|everybody|whatever|whom)\b/i;
const folders = ['addon', 'bpf', 'dashboards', 'deploy', 'docs', 'lab', 'src', 'test', 'traffic'];
const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'];
/** Scenarios go by the names under which BENCHMARKS.md has their results; `nobody` is a user of Debian. */
const allowed = /^(?:lab\/verdicts\/|lab\/guest\/verdicts\.guest\.ts|test\/debian\/bare-root|src\/words\.test\.ts)/;

test('every sentence names its subject', () => {
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  );
  const read = [...files.filter((file) => /\.(?:ts|mjs|c|h|cc|hh|md|yml)$/.test(file)), ...pages];
  assert.ok(read.length > 500);
  const found = read
    .filter((file) => !allowed.test(file))
    .flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .flatMap((line, index) => (banned.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
    );
  assert.deepEqual(found, []);
});

/** Phrases that were hard to understand, of what the product says. */
const phrases =
  /\b(?:for programs|so many pictures|it needs what measures|most did|rows of kernel counters that there are)\b/i;

test('no output has a phrase that was hard to understand', () => {
  const read = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
    /(?<!\.test)\.ts$/.test(file),
  );
  assert.ok(read.length > 300);
  const found = read.flatMap((file) => readFileSync(join('src', file), 'utf8').match(phrases) ?? []);
  assert.deepEqual(found, []);
});

/** Folders whose comments name their thing first. A further folder is one more word here. */
const NAMING = ['addon', 'bpf', 'dashboards', 'deploy', 'lab', 'src', 'test', 'traffic'];
/** The first line of a comment: a `//` that follows no other, except the licence, or the first text behind the opening mark. */
const OPENINGS = /(?<=(?<!^[ \t]*\/\/(?! SPDX).*\n)^[ \t]*\/\/ |\/\*\*? |\/\*\*?\n[ \t]*\* )Of (?!\d).*/gm;

test('no comment opens with "Of"', () => {
  const files = NAMING.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  ).filter((file) => /\.(?:ts|mjs|c|h|cc|hh)$/.test(file));
  assert.ok(files.length > 500);
  const found = files.flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    return [...text.matchAll(OPENINGS)].map(
      ({ 0: comment, index }) => `${file}:${text.slice(0, index).split('\n').length}: name the thing first: ${comment}`,
    );
  });
  assert.deepEqual(found, []);
});
