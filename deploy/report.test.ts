// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

interface Failure {
  readonly name: string;
  readonly reason: string;
}

/** The output and the exit code after `words` with what report.mjs exports. */
function report(words: string): readonly [string, number | null] {
  const script = `const report = await import(${JSON.stringify(join(import.meta.dirname, 'report.mjs'))}); ${words}; report.finish()`;
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  return [stdout, status];
}

const fails = (path: string, title: string, failureType = 'testCodeFailure'): string =>
  `report.record('${path}', { type: 'test:fail', data: { name: '${title}', nesting: 0, details: { error: { failureType: '${failureType}', cause: 'because' } } } })`;

test('a failed test is named again at the end, with its reason, and sets the exit code', () => {
  const [output, status] = report(
    `${fails('a.test.ts', 'a')}; ${fails('a.test.ts', 'parent', 'subtestsFailed')}; report.passed('b')`,
  );
  assert.match(output, /^FAILED {3}a\.test\.ts: a$/m);
  assert.match(output, /^failed: a\.test\.ts: a\n {4}'because'\n1 passed, 1 failed\n$/m);
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

test('a lane answers what came of each file, and prints it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-lane-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const lane = fork(join(import.meta.dirname, 'test-lane.mjs'), {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // Node's runner would not run within itself.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  t.after(() => lane.disconnect());
  let said = '';
  lane.stdout?.on('data', (data) => {
    said += data;
  });
  const play = async (name: string, body: string): Promise<unknown> => {
    const place = join(folder, name);
    writeFileSync(place, `require('node:test')('one', () => ${body});`);
    lane.send({ file: name, place, timeout: 60_000 });
    const [answer] = await once(lane, 'message');
    return {
      ...answer,
      failures: answer.failures.map(({ name, reason }: Failure) => ({ name, isSo: reason.includes('so it is') })),
      times: answer.times.map(({ name }: { readonly name: string }) => name),
    };
  };
  assert.deepEqual(await play('wrong.cjs', `require('node:assert').fail('so it is')`), {
    counts: { passed: 0, failed: 1, skipped: 0 },
    failures: [{ name: 'wrong.cjs: one', isSo: true }],
    times: ['wrong.cjs'],
  });
  assert.deepEqual(await play('right.cjs', '{}'), {
    counts: { passed: 1, failed: 0, skipped: 0 },
    failures: [],
    times: ['right.cjs'],
  });
  assert.match(said, /^FAILED {3}wrong\.cjs: one\n(?: {4}.*\n)*? {4}.*so it is/m);
});

test('what another process counted fails the run', () => {
  const [output, status] = report(
    `report.passed('a'); report.add({ counts: { passed: 2, failed: 1, skipped: 1 }, failures: [{ name: 'b.test.ts: b', reason: 'one\\ntwo' }], times: [{ name: 'b.test.ts', seconds: 70 }, { name: 'c.test.ts', seconds: 9 }] })`,
  );
  assert.match(
    output,
    /^took {3}70 s: b\.test\.ts\nfailed: b\.test\.ts: b\n {4}one\n {4}two\n3 passed, 1 failed, 1 skipped\n$/m,
  );
  assert.doesNotMatch(output, /c\.test\.ts/);
  assert.equal(status, 1);
});
