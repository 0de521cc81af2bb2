// SPDX-License-Identifier: Apache-2.0
// Whether the limits of the agent's unit or container leave it room: where they do not, a sentence now is better than a kill later.
import { memoryLimit, openFilesLimit } from '../kernel/process-limits.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';

/** An agent has 65 with a tap; the rest is for scrapes, and for what it opens to look at other processes. */
const LEAST_FILES = 128;
/** An agent without taps, which is two processes, is killed at 112 MiB, and runs at 124; BENCHMARKS.md has 40 kB a queue. */
const LEAST_MEMORY = 124 * 2 ** 20;
const MEMORY_OF_QUEUE = 40_000;

/** Another try would end the same way: services do not start it again. */
export class LimitTooLow extends Error {
  /** EX_CONFIG, which deploy/tapscope.service knows. */
  readonly exitCode = 78;
}

/** Throws one sentence where the agent cannot run at all. */
export function requireLimits(files = openFilesLimit(), memory = memoryLimit()): void {
  if (files !== undefined && files < LEAST_FILES)
    throw new LimitTooLow(
      `The agent may have ${files} open files, and needs ${LEAST_FILES}: raise the limit (LimitNOFILE= of the unit, ulimit -n in a shell).`,
    );
  requireMemory(LEAST_MEMORY, memory, 'without any tap');
}

/** Throws one sentence where the host has more queues than the agent has memory for. */
export async function requireMemoryFor(take: () => Promise<Snapshot>, memory = memoryLimit()): Promise<void> {
  if (memory === undefined) return;
  const queues = (await take()).devices.reduce((sum, device) => sum + device.queues.length, 0);
  requireMemory(LEAST_MEMORY + queues * MEMORY_OF_QUEUE, memory, `for ${queues} queues`);
}

function requireMemory(needed: number, limit: number | undefined, what: string): void {
  if (limit === undefined || limit >= needed) return;
  const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  throw new LimitTooLow(
    `The agent's cgroup limits its memory to ${mebibytes(limit)}, and it needs ${mebibytes(needed)} ${what}: raise the limit (MemoryMax= of the unit, resources.limits.memory of the container).`,
  );
}
