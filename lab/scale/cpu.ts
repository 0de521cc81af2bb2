// SPDX-License-Identifier: Apache-2.0
// What another process took, as the kernel's scheduler counts it.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

/** CPU time of all threads since the process began, milliseconds. A thread that ends takes its time along: those of Node stay. */
export function cpuMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => sum + ranNs(`/proc/${pid}/task/${thread}/schedstat`), 0) / 1e6;
}

/** Of one core, over so many seconds. */
export async function coreShare(pid: number, seconds: number): Promise<number> {
  const began = performance.now();
  const before = cpuMs(pid);
  await wait(1000 * seconds);
  return (cpuMs(pid) - before) / (performance.now() - began);
}

function ranNs(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8').split(' ')[0]);
  } catch {
    return 0; // the thread has ended meanwhile
  }
}
