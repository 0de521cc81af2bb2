// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

/** What is told, and the exit code, after `words` with what report.mjs exports. */
function report(words: string): readonly [string, number | null] {
  const script = `const report = await import(${JSON.stringify(join(import.meta.dirname, 'report.mjs'))}); ${words}; report.finish()`;
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  return [stdout, status];
}

const fails = (path: string, title: string, failureType = 'testCodeFailure'): string =>
  `report.record('${path}', { type: 'test:fail', data: { name: '${title}', nesting: 0, details: { error: { failureType: '${failureType}' } } } })`;
const again = 'for (const [path, tests] of report.filesToTryAgain()) console.log("again", path, tests.length)';

test('what fails and passes when its file runs again is named, and fails nothing', () => {
  const [told, status] = report(
    `report.passed('b'); ${fails('a.test.ts', 'a')}; ${fails('a.test.ts', 'parent', 'subtestsFailed')}; ${again}; report.forgive('a.test.ts')`,
  );
  assert.match(told, /^FAILED {3}a\.test\.ts: a$/m);
  assert.match(told, /^again a\.test\.ts 2$/m);
  assert.match(told, /^flaky, .*: a\.test\.ts: a\n1 passed, 0 failed, 1 flaky\n$/m);
  assert.equal(status, 0);
});

test('what fails twice has failed, whatever else is flaky', () => {
  const [told, status] = report(
    `${fails('a.test.ts', 'a')}; ${fails('c.test.ts', 'c')}; report.passed('b'); report.forgive('a.test.ts')`,
  );
  assert.match(told, /^failed: c\.test\.ts: c\n1 passed, 1 failed, 1 flaky\n$/m);
  assert.equal(status, 1);
});

test('where more than tests failed nothing is tried again', () => {
  const [told, status] = report(`${fails('a.test.ts', 'a')}; report.failed('lint', 'why'); ${again}`);
  assert.doesNotMatch(told, /^again/m);
  assert.equal(status, 1);
});
