// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

/** The output and the exit code after `words` with what report.mjs exports. */
function report(words: string): readonly [string, number | null] {
  const script = `const report = await import(${JSON.stringify(join(import.meta.dirname, 'report.mjs'))}); ${words}; report.finish()`;
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  return [stdout, status];
}

const fails = (path: string, title: string, failureType = 'testCodeFailure'): string =>
  `report.record('${path}', { type: 'test:fail', data: { name: '${title}', nesting: 0, details: { error: { failureType: '${failureType}' } } } })`;

test('a failed test is named again at the end, and sets the exit code', () => {
  const [output, status] = report(
    `${fails('a.test.ts', 'a')}; ${fails('a.test.ts', 'parent', 'subtestsFailed')}; report.passed('b')`,
  );
  assert.match(output, /^FAILED {3}a\.test\.ts: a$/m);
  assert.match(output, /^failed: a\.test\.ts: a\n1 passed, 1 failed\n$/m);
  assert.equal(status, 1);
});

test('a run in which every test passed or was skipped exits with 0', () => {
  const [output, status] = report(`report.passed('a'); report.skipped('b', 'needs root')`);
  assert.match(output, /^1 passed, 0 failed, 1 skipped\n$/m);
  assert.equal(status, 0);
});

test('a run in which no test passed has failed', () => {
  assert.equal(report(`report.skipped('a', 'needs root')`)[1], 1);
});
