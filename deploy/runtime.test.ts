// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

const script = `import { provideNode } from '${join(import.meta.dirname, 'runtime.mjs')}';
  try { provideNode(...process.argv.slice(1)); } catch (error) { console.log(error.constructor.name + ': ' + error.message); }`;

test('without a registry, or a checksum, one sentence says what to do, and nothing is kept', (t) => {
  const cache = mkdtempSync(join(tmpdir(), 'tapscope-runtime-'));
  t.after(() => rmSync(cache, { recursive: true, force: true }));
  const env = { ...process.env, XDG_CACHE_HOME: cache, npm_config_registry: 'http://127.0.0.1:9/' };
  const asked = (...words: readonly string[]) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', script, ...words], { encoding: 'utf8', env }).stdout;
  assert.match(
    asked(),
    /^NoNode: Cannot fetch node-linux-\w+@[\d.]+ from npm's registry \(.+\): run this again when it answers\.\n$/,
  );
  assert.deepEqual(readdirSync(join(cache, 'tapscope/node')), []);
  assert.match(
    asked('1.0.0'),
    /^Error: deploy\/runtime\.json has no checksum of node-linux-\w+@1\.0\.0: node deploy\/runtime\.mjs --raise writes it\.\n$/,
  );
});
