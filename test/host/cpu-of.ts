// SPDX-License-Identifier: Apache-2.0
// The CPU time that a command takes, which others on this machine change less than its duration.
import { run } from './run.ts';

/** Seconds, of the command and all that it started; what it prints and its exit code do not count. */
export async function cpuOf(...command: readonly string[]): Promise<number> {
  const { stderr } = await run('bash', [
    '-c',
    'TIMEFORMAT="%U %S"; time "$@" > /dev/null 2>&1 || true',
    'cpu',
    ...command,
  ]);
  const [user = 0, system = 0] = stderr.trim().split(' ').map(Number);
  return user + system;
}
