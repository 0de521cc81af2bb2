// SPDX-License-Identifier: Apache-2.0
// npm passes SIGINT and SIGTERM on to what it started (npx, npm start). Killed, or hung up with its terminal, it passes on nothing, and an agent that a person
// started by hand would stay behind unseen.
import { readFileSync } from 'node:fs';

const POLL_MS = 1000;

/** Calls `then` once npm has ended, if npm started this process. */
export function whenNpmEnds(then: () => void): void {
  const parent = process.ppid;
  if (!isNpm(parent)) return;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    then();
  }, POLL_MS);
  timer.unref();
}

/** npm writes what it does into its name: 'npm exec tapscope serve', 'npm start'. */
function isNpm(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('npm ');
  } catch {
    return false;
  }
}
