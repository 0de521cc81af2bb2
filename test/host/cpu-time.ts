// SPDX-License-Identifier: Apache-2.0
// What other processes took, as the kernel's scheduler counts it.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

/** CPU time of all their threads since the processes began, milliseconds. A thread that ends takes its time along: those of Node stay. */
export function cpuMs(pids: readonly number[]): number {
  const files = pids.flatMap((pid) =>
    readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}/schedstat`),
  );
  return files.reduce((sum, file) => sum + ranNs(file), 0) / 1e6;
}

/** The share of one core that the processes take, over so many seconds. */
export async function coreShare(pids: readonly number[], seconds: number): Promise<number> {
  const began = performance.now();
  const before = cpuMs(pids);
  await wait(1000 * seconds);
  return (cpuMs(pids) - before) / (performance.now() - began);
}

function ranNs(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8').split(' ')[0]);
  } catch {
    return 0; // the thread has ended meanwhile
  }
}
