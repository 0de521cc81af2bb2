// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The workflow that publishes, as far as it can be judged here: actionlint takes it, and it builds by the Node.js of runtime.json.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { at, parseJson, textAt } from '../test/host/checked-json.ts';
import { type Need, pathOf, provide } from '../test/host/need.ts';
import { runtime } from './runtime.mjs';

const ACTIONLINT: Need = {
  go: 'github.com/rhysd/actionlint/cmd/actionlint@v1.7.12',
  builtAs: 'actionlint',
  file: 'actionlint',
};
const workflow = join(import.meta.dirname, '../.github/workflows/publish.yml');
const text = readFileSync(workflow, 'utf8');
const jobs = at(parse(text), 'jobs');

function judged(content: string): string {
  const { stdout, error } = spawnSync(
    pathOf('actionlint') ?? 'actionlint',
    ['-shellcheck=', '-format={{json .}}', '-'],
    {
      input: content,
      encoding: 'utf8',
    },
  );
  if (error) throw error;
  return stdout.trim();
}

test('actionlint finds nothing in it, and would find a job without a machine', async (t) => {
  const why = await provide([ACTIONLINT]);
  if (why) return t.skip(why);
  assert.equal(judged(text), '[]');
  const found = parseJson(judged(text.replace('runs-on:', 'run-on:')));
  assert.match(textAt(found, 0, 'message'), /"runs-on" section is missing/);
});

test('it builds by the runtime of the packages, and no job has a right that it does not name', () => {
  assert.equal(textAt(jobs, 'build', 'container'), `node:${runtime.node}-bookworm`);
  assert.equal(textAt(jobs, 'npm', 'steps', 1, 'with', 'node-version'), runtime.node);
  assert.deepEqual(at(parse(text), 'permissions'), {});
  for (const job of ['npm', 'image-and-chart'])
    assert.equal(textAt(jobs, job, 'permissions', 'id-token'), 'write', job);
  assert.doesNotMatch(text, /secrets\./);
});
