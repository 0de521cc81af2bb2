#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// `npm start` and `npx tapscope COMMAND`: make the clone runnable, then become the program. deploy/tapscope of the npm package starts it too.
// Plain old syntax and no package: it has to run on a Node that is too old, to say so, and before `npm ci`.
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// No debugger here either: deploy/entry.mjs says why.
process.on('SIGUSR1', () => {});
const require = createRequire(import.meta.url);
if (process.features.inspector) require('node:inspector').close();

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
// Where 1 is a verdict ("warning"), a failure must not read as one.
const failure = ['check', 'diagnose', 'doctor', 'fleet', 'report'].includes(process.argv[2]) ? 3 : 1;

/** Exits with one sentence when this Node cannot run tapscope at all. */
function requirePlatform() {
  const wanted = require('../package.json').engines.node.replace('>=', '');
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [wantedMajor, wantedMinor] = wanted.split('.').map(Number);
  if (process.platform !== 'linux')
    fail(
      `tapscope reads the Linux kernel and cannot run on ${process.platform}: run it on the host whose taps you want to see.`,
    );
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  fail(
    `tapscope needs Node ${wanted} or newer and this is ${process.versions.node} (${process.execPath}): ` +
      'install a newer one (https://nodejs.org/en/download), put it first in PATH and run the same command again.',
  );
}

function fail(sentence) {
  console.error(sentence);
  process.exit(failure);
}

/**
 * What a person types to start this program: its plain name only where their shell finds this one, npx only in the clone. Elsewhere npx fetches what the
 * registry has by that name, and where the reader of an agent's texts is, nobody knows.
 */
function ownCommand() {
  const folders = (process.env.PATH || '').split(':').filter((folder) => !folder.endsWith('/node_modules/.bin')); // those are npx's
  if (folders.some(holdsUs)) return 'tapscope';
  if (process.argv[2] !== 'serve' && process.cwd() === root && existsSync('Makefile')) return 'npx tapscope';
  const launcher = join(root, require('../package.json').bin.tapscope);
  return /^[\w.@:+/-]+$/.test(launcher) ? launcher : `'${launcher.replaceAll("'", "'\\''")}'`;
}

function holdsUs(folder) {
  try {
    return folder.startsWith('/') && realpathSync(join(folder, 'tapscope')).startsWith(`${root}/`);
  } catch {
    return false;
  }
}

requirePlatform();
// An installed package (deploy/npm.mjs) is built, and has nothing to build with.
if (existsSync(join(root, 'Makefile'))) {
  const { prepare } = await import('./prepare.mjs');
  if (!prepare(root)) process.exit(failure);
}
// The program sees itself as if it had been started directly, and gets signals, stdin and exit code as its own.
process.env.TAPSCOPE_COMMAND ||= ownCommand();
process.argv[1] = join(root, 'dist/src/main.js');
await import(process.argv[1]);
