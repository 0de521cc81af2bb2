// SPDX-License-Identifier: Apache-2.0
// How slow this machine is at the moment, for neighbours take of it: limits of time and of CPU have to allow for that.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { run } from './run.ts';

/** `node -e 0` on two idle cores of the kind that CI has. */
const BARE_START_MS = 60;
const STARTS = 5;

/** Milliseconds that an empty program takes. */
export async function bareStart(): Promise<number> {
  const began = performance.now();
  await run(process.execPath, ['-e', '0']);
  return performance.now() - began;
}

/** How many times as long a start takes as at rest: the median of these starts, and 1 at least. */
export function slownessOf(startsMs: readonly number[]): number {
  const median = startsMs.toSorted((a, b) => a - b)[Math.floor(startsMs.length / 2)] ?? 0;
  return Math.max(1, median / BARE_START_MS);
}

/** How many times as long a start takes now. */
export async function slowness(): Promise<number> {
  const starts: number[] = [];
  while (starts.length < STARTS) starts.push(await bareStart());
  return slownessOf(starts);
}

/** CPU time of one stint below on a core that does not sleep. On an idle virtual machine it is three to four times that: each wake finds the host's caches cold. */
const STINT_MS = 0.7;
/** What an agent does, ten times a second, until its input ends: it wakes, asks the kernel and writes text. Prints the mean CPU time of one stint, in ms. */
const YARDSTICK = `
  const { readFileSync } = require('node:fs');
  let [stints, us] = [0, 0];
  const stint = () => {
    const before = process.cpuUsage();
    for (let i = 0; i < 20; i++) JSON.stringify(readFileSync('/proc/self/status', 'utf8').split('\\n'));
    const { user, system } = process.cpuUsage(before);
    us += user + system;
    stints += 1;
  };
  for (let i = 0; i < 50; i++) stint();
  [stints, us] = [0, 0];
  setInterval(stint, 100);
  process.stdin.on('end', () => console.log(us / 1000 / stints) || process.exit()).resume();
`;

/**
 * How many times as much CPU time as on a core that does not sleep the same work takes while this action runs, 1 at least: the hypervisor gives time to
 * others, and their work is in the caches at each wake. A start (`slowness`) shows neither.
 */
export async function slownessDuring<Value>(action: () => Promise<Value>): Promise<{ value: Value; slow: number }> {
  const yardstick = spawn(process.execPath, ['-e', YARDSTICK], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said = once(yardstick.stdout, 'data');
  try {
    const value = await action();
    yardstick.stdin.end();
    const [text] = await said;
    return { value, slow: Math.max(1, Number(String(text)) / STINT_MS) };
  } finally {
    yardstick.kill('SIGKILL');
  }
}
