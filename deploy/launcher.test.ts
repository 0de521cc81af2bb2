// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The launcher of the packages: it takes NODE_OPTIONS away, and switches Node's debugger off where Node can do that.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { after, test } from 'node:test';
import { packageRoot } from '../src/kernel/package.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapscope-launcher-'));
after(() => rmSync(folder, { recursive: true }));
const text = readFileSync(join(packageRoot(), 'deploy/debian/launcher'), 'utf8');

/** Runs the launcher with another Node and another program. */
function launch(node: string, program: string): { readonly status: number | null; readonly stdout: string } {
  const file = join(folder, 'tapscope');
  const own = text.replace('/usr/lib/tapscope-node/node', node).replace('/usr/lib/tapscope/dist/src/main.js', program);
  writeFileSync(file, own, { mode: 0o755 });
  const env = { ...process.env, NODE_OPTIONS: '--require=/no/such/module.cjs' };
  const { status, stdout } = spawnSync(file, ['--word'], { encoding: 'utf8', env });
  return { status, stdout };
}

/** Answers as this version of Node does, and prints what it is to run. */
function nodeOf(version: string, options: string): string {
  const file = join(folder, 'node');
  const answers = `--version) echo ${version} ;; --help) echo '${options}' ;; *) echo "$@" ;;`;
  writeFileSync(file, `#!/bin/sh\ncase $1 in ${answers} esac\n`, { mode: 0o755 });
  return file;
}

test('this Node starts, without NODE_OPTIONS, and knows every option', () => {
  const program = join(folder, 'program.cjs');
  writeFileSync(program, 'console.log(process.argv[2], process.env.NODE_OPTIONS, process.execArgv.join())');
  const knows = spawnSync(execPath, ['--help'], { encoding: 'utf8' }).stdout.includes('--disable-sigusr1');
  assert.deepEqual(launch(execPath, program), {
    status: 0,
    stdout: `--word undefined ${knows ? '--disable-sigusr1' : ''}\n`,
  });
});

const VERSIONS = [
  ['v20.20.2', '--disable-proto=...', ''],
  ['v22.13.1', '--disable-proto=...', ''],
  ['v22.20.0', '--disable-sigusr1 ...', '--disable-sigusr1 '],
  ['v24.11.1', '', '--disable-sigusr1 '],
  ['v26.0.0', '--disable-sigusr1 ...', '--disable-sigusr1 '],
] as const;

for (const [version, options, expected] of VERSIONS)
  test(`Node ${version} ${expected ? 'is started without its debugger' : 'does not know the option'}`, () => {
    assert.deepEqual(launch(nodeOf(version, options), 'main.js'), { status: 0, stdout: `${expected}main.js --word\n` });
  });
