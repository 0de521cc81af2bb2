#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// dist/src/main.js and dist/src/serving.js: each runs its bundle, main.cjs or serving.cjs, and `main.js serve` agent.cjs, with the bytecode that was kept of it, for compiling it is half of what a start takes.
// Bytecode of other flags V8 refuses and compiles anew. It takes that of some other Nodes too and crashes: so the file is named after its Node (deploy/bytecode.mjs).
// A package that was made for another architecture has none.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

// SIGUSR1 makes Node open its debugger on 127.0.0.1:9229, where every user of the host could run code with our rights. With a handler it does not.
process.on('SIGUSR1', () => undefined);
const require = createRequire(import.meta.url);
// One that a signal, or NODE_OPTIONS, opened before this line.
if (process.features.inspector) require('node:inspector').close();

// What a person asks, or monitoring.
const questions = ['check', 'diagnose', 'doctor', 'drops', 'explain', 'report', 'top', 'whatif', '--help', '--version'];
if (questions.includes(process.argv[2]) && process.env.TAPSCOPE_PRIORITY !== 'keep') raise();

const self = fileURLToPath(import.meta.url);
const filename = process.argv[2] === 'serve' ? join(dirname(self), 'agent.cjs') : self.replace(/\.js$/, '.cjs');
const bytecode = `${filename}.${process.version}-${process.arch}.bytecode`;
const cachedData = existsSync(bytecode) ? readFileSync(bytecode) : undefined;
// The bundle is ASCII: latin1 spares looking for anything else.
const program = new Script(readFileSync(filename, 'latin1'), { filename, cachedData });
program.runInThisContext()(require, import.meta.url);

/**
 * On a host without free CPU the answer comes soon only if loading the program gets some. The kernel groups CPU time by session (sched(7), autogroups);
 * src/kernel/processes/own-priority.ts gives the session its own back. In silence where that is not permitted, or not done.
 */
function raise() {
  const highest = -20;
  const autogroup = '/proc/self/autogroup';
  try {
    setPriority(highest);
    if (process.env.TAPSCOPE_SESSION_NICE !== undefined) return; // deploy/debian/launcher did
    const before = Number(readFileSync(autogroup, 'utf8').trim().split(' ').at(-1));
    if (!(before >= 0)) return; // another command's doing, in this session
    writeFileSync(autogroup, String(highest));
    process.env.TAPSCOPE_SESSION_NICE = String(before);
  } catch {
    // As usual then.
  }
}
