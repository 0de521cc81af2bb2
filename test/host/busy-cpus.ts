// SPDX-License-Identifier: Apache-2.0
// A host whose run queues are long, and what its scheduler says of one thread there.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Scope } from './scope.ts';

/** Loops that may run on every CPU, at the default priority or as `by` starts them. */
export function busyLoops(t: Scope, loops: number, ...by: readonly string[]): void {
  for (let i = 0; i < loops; i++) {
    const [file = '', ...args] = [...by, 'sh', '-c', 'while :; do :; done'];
    const child = spawn(file, args, { stdio: 'ignore' });
    t.after(async () => child.kill('SIGKILL')); // first of all: who is starved is slow to die
  }
}

/** Seconds since the thread, or all threads of the process, began. */
export interface Scheduled {
  readonly ran: number;
  readonly waited: number;
}

/**
 * What the scheduler counts exactly (kernel: proc_pid_schedstat): se.sum_exec_runtime and sched_info.run_delay, in ns.
 * A wait that lasts is not in it yet.
 */
export function scheduled(pid: number, thread?: number): Scheduled {
  const threads = thread === undefined ? readdirSync(`/proc/${pid}/task`) : [String(thread)];
  const sums = threads.map((tid) => readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ').map(Number));
  const sum = (column: number): number => sums.reduce((total, line) => total + (line[column] ?? 0), 0) / 1e9;
  return { ran: sum(0), waited: sum(1) };
}
