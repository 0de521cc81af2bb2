// SPDX-License-Identifier: Apache-2.0
// One step of the preparation: said when it begins, quiet when it works, its last lines when it fails. stdout is the program's alone.
import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function say(text) {
  process.stderr.write(`tapscope: ${text}\n`);
}

/** Runs a program to its end; false, and said with the last lines of its output, when it fails. */
export function run(what, program, args, { cwd, env = process.env, mayFail = false } = {}) {
  say(`${what} …`);
  const path = join(tmpdir(), `tapscope-step-${process.pid}`);
  const log = openSync(path, 'wx+', 0o600);
  rmSync(path);
  try {
    const { status, signal, error } = spawnSync(program, args, { cwd, env, stdio: ['ignore', log, log] });
    if (status === 0 || mayFail) return true;
    if (signal === 'SIGINT' || signal === 'SIGTERM') process.exit(signal === 'SIGINT' ? 130 : 143);
    const outcome = error ? error.message : signal ? `was ended by ${signal}` : `failed with exit code ${status}`;
    say(`${what}: ${program} ${outcome}; it said last:\n${lastLines(log, 20)}`);
    return false;
  } finally {
    closeSync(log);
  }
}

function lastLines(log, count) {
  const size = fstatSync(log).size;
  const buffer = Buffer.alloc(Math.min(size, 16384));
  readSync(log, buffer, 0, buffer.length, size - buffer.length);
  return buffer
    .toString()
    .trimEnd()
    .split('\n')
    .slice(-count)
    .map((line) => `  ${line}`)
    .join('\n');
}
