// SPDX-License-Identifier: Apache-2.0
// Makes a clone runnable: packages, node_modules, build. When nothing is stale it only looks at file times and asks for no compiler.
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildPackages, install, installMissing, libraryPackages, searchPath } from './packages.mjs';
import { run, say } from './step.mjs';

const self = fileURLToPath(import.meta.url);
const outputs = [
  'dist/bpf/tapscope.bpf.o',
  'dist/bpf/follow.bpf.o',
  'dist/bpf/frames.bpf.o',
  'dist/bpf/ways.bpf.o',
  'dist/addon/tapscope.node',
  'dist/bench/traffic',
  'dist/bench/main.cjs',
  'dist/src/main.js',
  'dist/src/serving.js',
];
const inputs = [
  ...['bpf', 'addon', 'bench', 'src', 'deploy/bundle.mjs', 'deploy/bytecode.mjs', 'deploy/entry.mjs'],
  ...['Makefile', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'],
];
const lockBusy = 75;

/** True when the clone can run; else it has said why not. */
export function prepare(root) {
  return ((hasModules(root) && isBuilt(root)) || buildAlone(root)) && hasLibraries(root);
}

function hasModules(root) {
  return time(root, 'node_modules/.package-lock.json') >= time(root, 'package-lock.json');
}

// The stamp is as old as the beginning of the last finished build: files that changed since are newer.
function isBuilt(root) {
  const stamp = time(root, 'dist/.built');
  return outputs.every((path) => time(root, path) > 0) && inputs.every((path) => newest(join(root, path)) < stamp);
}

function time(root, path) {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** The youngest time below a path. Folders count, for they tell of files that went away; tests do not. */
function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return stat?.mtimeMs ?? 0;
  const names = readdirSync(path).filter((name) => !name.endsWith('.test.ts') && name !== 'test');
  return Math.max(stat.mtimeMs, ...names.map((name) => newest(join(path, name))));
}

/** Builds under a lock that the kernel gives back however the builder ends. */
function buildAlone(root) {
  try {
    mkdirSync(join(root, 'dist'), { recursive: true });
    for (const folder of [root, join(root, 'dist')]) accessSync(folder, constants.W_OK);
  } catch (error) {
    say(
      `the build is missing or stale and ${root} cannot be written (${error.code}): start once as root or as its owner.`,
    );
    return false;
  }
  const attempt = (...options) => {
    const command = [...options, join(root, 'dist/.lock'), process.execPath, self, '--locked'];
    return spawnSync('flock', ['-E', String(lockBusy), ...command], { stdio: ['ignore', 2, 2] });
  };
  let result = attempt('-n');
  if (result.status === lockBusy) {
    say('another start is building this clone; waiting for it …');
    result = attempt();
  }
  if (result.signal) process.exit(result.signal === 'SIGINT' ? 130 : 143);
  return result.error ? build(root) : result.status === 0;
}

function build(root) {
  const stale = !isBuilt(root);
  return (
    (!stale || installMissing(buildPackages)) && (hasModules(root) || installModules(root)) && (!stale || make(root))
  );
}

function make(root) {
  const stamp = join(root, 'dist/.built');
  // The rest of a killed build may look finished: start over.
  if (existsSync(`${stamp}.new`))
    for (const name of ['addon', 'bench', 'bpf', 'src'])
      rmSync(join(root, 'dist', name), { recursive: true, force: true });
  writeFileSync(`${stamp}.new`, '');
  const options = { cwd: root, env: { ...process.env, PATH: searchPath, LC_ALL: 'C' } };
  const built = run(
    'building what is missing or stale, which takes a minute or two',
    'make',
    ['-j2', '--output-sync'],
    options,
  );
  if (built) renameSync(`${stamp}.new`, stamp);
  else rmSync(`${stamp}.new`);
  return built;
}

function installModules(root) {
  const beside = join(dirname(process.execPath), 'npm');
  // No dependency needs its install script here, and none should run as root.
  const flags = ['--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  return run(
    'installing the npm packages of package-lock.json',
    existsSync(beside) ? beside : 'npm',
    ['ci', ...flags],
    { cwd: root },
  );
}

/** Loads the addon as the program will; each library that this machine lacks is installed. */
function hasLibraries(root) {
  for (;;) {
    try {
      createRequire(self)(join(root, 'dist/addon/tapscope.node'));
      return true;
    } catch (error) {
      const file = /(\S+): cannot open shared object file/.exec(error.message)?.[1] ?? '';
      const missing = libraryPackages[file.split('.')[0]];
      // Any other fault of the addon is the program's to explain.
      if (!missing) return true;
      if (!install([missing])) return false;
    }
  }
}

if (process.argv[1] === self) {
  const root = join(dirname(self), '..');
  const done = process.argv[2] === '--locked' ? build(root) : prepare(root);
  process.exit(done ? 0 : 1);
}
