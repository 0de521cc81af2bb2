// SPDX-License-Identifier: Apache-2.0
// Why a process does not answer, as the kernel tells it: stopped, frozen, waiting, running.
import { readFileSync } from 'node:fs';

export interface ProcessState {
  /** The letter of proc(5): R runs or waits for a CPU, S and D sleep, T and t are stopped or traced, Z has ended. */
  readonly state: string;
  /** The cgroup of the process is frozen. */
  readonly frozen: boolean;
  /**
   * Seconds since its main thread was last on a CPU, at the least; undefined: this kernel does not tell (CONFIG_SCHED_DEBUG), or we run on another CPU
   * than it did.
   */
  readonly idleSeconds: number | undefined;
}

/** undefined: the process has ended, or this one has no right to read it. */
export function readState(pid: number): ProcessState | undefined {
  const stat = read(pid, 'stat');
  const state = stat.slice(stat.lastIndexOf(')') + 2)[0];
  if (state === undefined) return undefined;
  const [own, its] = [lastRan('self'), lastRan(pid)];
  // do_freezer_trap (cgroup v2), __refrigerator (v1)
  const frozen = /freezer_trap|refrigerator/.test(read(pid, 'wchan'));
  // Each CPU has a clock of its own (rq_clock_task), which leaves out what a hypervisor and interrupts took: seconds in a day.
  const known = own !== undefined && its !== undefined && own.cpu === its.cpu;
  const idleSeconds = known ? Math.max(0, (own.ms - its.ms) / 1000) : undefined;
  return { state, frozen, idleSeconds };
}

/** The time in ms by the clock of the CPU on which it last ran. */
function lastRan(pid: number | 'self'): { readonly ms: number; readonly cpu: string } | undefined {
  const cpu = cpuOf(pid);
  const [, ms] = /^se\.exec_start\s*:\s*([\d.]+)/m.exec(read(pid, 'sched')) ?? [];
  // Where it went to another CPU meanwhile, the two do not belong together.
  return ms === undefined || cpu === undefined || cpu !== cpuOf(pid) ? undefined : { ms: Number(ms), cpu };
}

/** proc(5): field 39 of /proc/PID/stat, behind the name in brackets. */
function cpuOf(pid: number | 'self'): string | undefined {
  const stat = read(pid, 'stat');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[36];
}

function read(pid: number | 'self', file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
