// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The bundle as built: nothing but Node and the addon of others that finds its own files, and bytecode that this Node's V8 takes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const root = join(import.meta.dirname, '..');
const program = join(root, 'dist/src/main.cjs');
const bundle = readFileSync(program, 'latin1');
// Made here, for another Node may have built the bundle.
const kept = mkdtempSync(join(tmpdir(), 'tapscope-bytecode-'));
after(() => rmSync(kept, { recursive: true, force: true }));
copyFileSync(program, join(kept, 'main.cjs'));
execFileSync(process.execPath, ['--hash-seed=1', join(root, 'deploy/bytecode.mjs'), kept]);
const bytecode = join(kept, `main.cjs.${process.version}-${process.arch}.bytecode`);

/** V8 rejects the bytecode when it is started with these flags. */
function isRefused(flags: readonly string[]): string {
  const script = `const { readFileSync } = require('fs');
    const options = { cachedData: readFileSync(process.argv[2]) };
    console.log(new (require('vm').Script)(readFileSync(process.argv[1], 'latin1'), options).cachedDataRejected)`;
  return execFileSync(process.execPath, [...flags, '-e', script, program, bytecode], { encoding: 'utf8' }).trim();
}

test('the bytecode is taken of a Node without flags, and refused with others', () => {
  assert.equal(isRefused([]), 'false');
  assert.equal(isRefused(['--no-opt']), 'true');
});

test('the bytecode is that of all functions: that of a half-compiled program is shorter than its source', () => {
  assert.ok(statSync(bytecode).size > bundle.length);
});

test('the bundle is ASCII, as it is read', () => {
  assert.deepEqual(
    bundle.split('\n').filter((line) => /[\u0080-\uffff]/.test(line)),
    [],
  );
});

test('where no package lies but the one with an addon, the program starts', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-bundle-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const path of [
    'package.json',
    'dist/src',
    ...['bcrypt', 'node-gyp-build'].map((name) => `node_modules/${name}`),
  ])
    cpSync(join(root, path), join(folder, path), { recursive: true });
  const said = execFileSync(process.execPath, [join(folder, 'dist/src/main.js'), '--help'], { encoding: 'utf8' });
  assert.match(said, /doctor/);
});

test('an agent has a bundle of its own, without the rules and other commands, and the same options', () => {
  const agent = readFileSync(join(root, 'dist/src/agent.cjs'), 'latin1');
  assert.ok(agent.length < 0.75 * bundle.length, `${agent.length} of ${bundle.length} bytes`);
  const [own, main] = [
    ['serve', '--help'],
    ['help', 'serve'],
  ].map((words) => execFileSync(process.execPath, [join(root, 'dist/src/main.js'), ...words], { encoding: 'utf8' }));
  assert.equal(own, main);
});

test("the process that serves has neither fastify's own validator nor its serializer", () => {
  const serving = readFileSync(join(root, 'dist/src/serving.cjs'), 'latin1');
  assert.match(serving, /validateLater/);
  assert.doesNotMatch(serving, /JTD|require_ajv_compiler|require_fast_json_stringify\b/);
});
