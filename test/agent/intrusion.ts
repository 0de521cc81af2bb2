// SPDX-License-Identifier: Apache-2.0
// What code of an intruder in the process that serves (intruder.cjs) got, by attempt: 'EPERM', 'EACCES' …, or 'done'.
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/kernel/package.ts';

export type Answers = Readonly<Record<string, string>>;

/** The kernel's or the filter's refusals; `EAFNOSUPPORT`: this kernel has no such sockets; `NONE`: it has nothing to use. */
const REFUSALS = ['EPERM', 'EACCES', 'ENOSYS', 'EAFNOSUPPORT', 'ENOMEM', 'EMFILE', 'NONE'];
/** Files of other processes: a unit with ProtectProc=invisible has no such folders. */
const OF_PROCESSES = [
  'read what another process was started with',
  'read the memory of the agent',
  'read what the agent holds',
];
/** Those by number are of x86-64. */
export const FEWEST_ATTEMPTS = process.arch === 'x64' ? 155 : 21;
/** What the code of an intruder is made of; it may read no other folder than that of the program. */
const CODE = ['intruder.cjs', 'intruder-calls.cjs'];

/** Copies the code into the folder `dist/test` of the program in `root`. Returns the file to load. */
export function bringIntruder(root = packageRoot()): string {
  const folder = join(root, 'dist/test');
  mkdirSync(folder, { recursive: true });
  for (const file of CODE) {
    copyFileSync(join(packageRoot(), 'test/agent', file), join(folder, file));
    chmodSync(join(folder, file), 0o644);
  }
  return join(folder, 'intruder.cjs');
}

/** `log`: what the process wrote, among other lines; undefined: it has written no answers yet. */
export function answersIn(log: string): Answers | undefined {
  const [, found] = /^intruder: (\{.*\})$/m.exec(log) ?? [];
  return found === undefined ? undefined : JSON.parse(found);
}

/** Attempts that did not fail as they must. */
export function succeeded(answers: Answers): readonly string[] {
  return Object.entries(answers).flatMap(([attempt, answer]) =>
    REFUSALS.includes(answer) || (answer === 'ENOENT' && OF_PROCESSES.includes(attempt))
      ? []
      : [`${attempt}: ${answer}`],
  );
}
