// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The launcher of the packages: it takes NODE_OPTIONS away, switches Node's debugger off where Node can do that, and raises the session of a question for as long as that takes.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { packageRoot } from '../src/kernel/package.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapscope-launcher-'));
after(() => rmSync(folder, { recursive: true }));
const launcher = readFileSync(join(packageRoot(), 'deploy/debian/launcher'), 'utf8');

/** The launcher with another Node and another program. */
function launcherOf(node: string, program: string): string {
  const file = join(folder, 'tapscope');
  const own = launcher
    .replace('/usr/lib/tapscope-node/node', node)
    .replace('/usr/lib/tapscope/raise.sh', join(packageRoot(), 'deploy/raise.sh'))
    .replace('/usr/lib/tapscope/dist/src/main.js', program);
  writeFileSync(file, own, { mode: 0o755 });
  return file;
}

function launch(node: string, program: string): { readonly status: number | null; readonly stdout: string } {
  const file = launcherOf(node, program);
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

test('an agent has one heap of the C library for all its threads, a question has what it had', () => {
  const program = join(folder, 'arenas.cjs');
  writeFileSync(program, 'process.stdout.write(String(process.env.MALLOC_ARENA_MAX))');
  const file = launcherOf(execPath, program);
  const { MALLOC_ARENA_MAX: _, ...env } = process.env;
  const arenasOf = (word: string): string => spawnSync(file, [word], { encoding: 'utf8', env }).stdout;
  assert.deepEqual(['serve', 'check'].map(arenasOf), ['1', 'undefined']);
});

const AUTOGROUP = '/proc/self/autogroup';

/** Why sessions cannot be raised here, or false. */
function noSessions(): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  return existsSync(AUTOGROUP) ? false : 'this kernel does not group CPU time by session';
}

/** What a shell in a session of its own prints: '/autogroup-7 nice 0'. `$0` is the launcher of this program. */
function inSession(script: string, program: string, env: NodeJS.ProcessEnv = {}): string {
  const words = ['--wait', 'sh', '-c', script, launcherOf(execPath, program)];
  const { stdout } = spawnSync('setsid', words, { encoding: 'utf8', env: { ...process.env, ...env } });
  return stdout.replaceAll(/\S*autogroup-\d+ /g, '').trim();
}

test('a question starts in a raised session, an agent does not, nor who says so', { skip: noSessions() }, () => {
  const program = join(folder, 'nice.cjs');
  writeFileSync(program, `process.stdout.write(require('node:fs').readFileSync('${AUTOGROUP}'))`);
  assert.equal(inSession('"$0" check', program), 'nice -20');
  assert.equal(inSession('"$0" top', program), 'nice -20');
  assert.equal(inSession('"$0" serve', program), 'nice 0');
  assert.equal(inSession('"$0" check', program, { TAPSCOPE_PRIORITY: 'keep' }), 'nice 0');
});

const MAIN = join(packageRoot(), 'dist/src/main.js');
const ENDS: Readonly<Record<string, string>> = {
  'that was asked for help': '--help',
  'of an unknown option': '--no-such-option',
  'of an unknown mechanism': '--socket=/none --mechanism=none=off',
};

for (const [how, words] of Object.entries(ENDS))
  test(`a \`check\` ${how} gives the session its priority back`, { skip: noSessions() }, () => {
    assert.equal(inSession(`"$0" check ${words} > /dev/null 2>&1; cat ${AUTOGROUP}`, MAIN), 'nice 0');
  });

test('an interrupted `check` gives the session its priority back', { skip: noSessions() }, async (t) => {
  const socket = join(folder, 'silent.sock');
  const asked = new EventEmitter();
  const silent = createServer((connection) => asked.emit('connection', connection)).listen(socket);
  t.after(() => silent.close());
  const script = `"$0" check "--socket=${socket}" > /dev/null & echo $!; wait; cat ${AUTOGROUP}`;
  const child = spawn('setsid', ['--wait', 'sh', '-c', script, launcherOf(execPath, MAIN)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = text(child.stdout);
  const [[pid], [connection]] = await Promise.all([once(child.stdout, 'data'), once(asked, 'connection')]);
  process.kill(Number(String(pid)), 'SIGTERM');
  assert.match(await said, / nice 0\n$/);
  connection.destroy();
});

/** The name by which texts call the program that this launcher starts, in a copy of the tree with nothing to build. */
function ownNameIn(tree: string, cwd: string, command: string, env: NodeJS.ProcessEnv = {}): string {
  const file = join(tree, 'deploy/launch.mjs');
  return spawnSync(file, [command], { cwd, encoding: 'utf8', env: { ...process.env, ...env } }).stdout;
}

test('texts call the program as a shell finds it', () => {
  const tree = join(folder, "o'clone");
  for (const file of ['deploy/launch.mjs', 'package.json']) cpSync(join(packageRoot(), file), join(tree, file));
  mkdirSync(join(tree, 'dist/src'), { recursive: true });
  writeFileSync(join(tree, 'dist/src/main.js'), 'process.stdout.write(process.env.TAPSCOPE_COMMAND)');
  writeFileSync(join(tree, 'Makefile'), '');
  writeFileSync(join(tree, 'deploy/prepare.mjs'), 'export const prepare = () => true;');
  const path = `'${folder}/o'\\''clone/deploy/launch.mjs'`;
  assert.equal(ownNameIn(tree, tree, 'check'), 'npx tapscope');
  // Elsewhere npx would fetch what the registry has by that name.
  assert.equal(ownNameIn(tree, folder, 'check'), path);
  assert.equal(ownNameIn(tree, tree, 'serve'), path);
  assert.equal(
    ownNameIn(tree, tree, 'check', { TAPSCOPE_COMMAND: 'docker exec a tapscope' }),
    'docker exec a tapscope',
  );
  for (const bin of ['bin', 'node_modules/.bin']) {
    mkdirSync(join(folder, bin), { recursive: true });
    symlinkSync(join(tree, 'deploy/launch.mjs'), join(folder, bin, 'tapscope'));
  }
  const found = (bin: string): string =>
    ownNameIn(tree, folder, 'serve', { PATH: `${join(folder, bin)}:${process.env.PATH}` });
  assert.equal(found('bin'), 'tapscope');
  assert.equal(found('node_modules/.bin'), path);
});
