// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RULES } from './all-rules.ts';
import * as ruleNames from './rule-names.ts';

const names = RULES.map(({ name }) => name);
const folder = join(import.meta.dirname, 'rules');
const files = readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));

test('each file of rules/ is a rule of its name, and the list has all of them once', () => {
  assert.ok(files.length > 0);
  assert.deepEqual(names.toSorted(), files.map((file) => file.replace(/\.ts$/, '')).sort());
});

test('a rule that is rejected by another is in the list, under the name that is imported', () => {
  const rejected = Object.entries(ruleNames);
  assert.ok(rejected.length > 0);
  for (const [constant, name] of rejected) {
    assert.ok(names.includes(name), `${constant}: no rule is called ${name}`);
    assert.equal(constant, name.toUpperCase().replaceAll('-', '_'));
  }
});

test('no rule writes the name of a rule into a finding: judge() adds its own, and others are imported', () => {
  const wrong = files.filter((file) => /\brule: ['"`]/.test(readFileSync(join(folder, file), 'utf8')));
  assert.deepEqual(wrong, []);
});
