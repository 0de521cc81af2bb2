// SPDX-License-Identifier: Apache-2.0
// Why a process does not answer, as the kernel tells it: stopped, frozen, waiting, running.
import { readFileSync } from 'node:fs';

export interface ProcessState {
  /** As in proc(5): R runs or waits for a CPU, S and D sleep, T was stopped by a signal, t by a debugger, Z has ended. */
  readonly state: string;
  /** Its cgroup is frozen. */
  readonly frozen: boolean;
  /** Seconds since its main thread was last on a CPU; undefined: this kernel does not tell (CONFIG_SCHED_DEBUG). */
  readonly idleSeconds: number | undefined;
}

/** undefined: it is gone, or not ours to look at. */
export function readState(pid: number): ProcessState | undefined {
  const stat = read(pid, 'stat');
  const state = stat.slice(stat.lastIndexOf(')') + 2)[0];
  if (state === undefined) return undefined;
  const [own, its] = [lastRanMs('self'), lastRanMs(pid)];
  // do_freezer_trap (cgroup v2), __refrigerator (v1)
  const frozen = /freezer_trap|refrigerator/.test(read(pid, 'wchan'));
  // Clocks of two CPUs may differ by some milliseconds.
  const idleSeconds = own === undefined || its === undefined ? undefined : Math.max(0, (own - its) / 1000);
  return { state, frozen, idleSeconds };
}

/** By the scheduler's clock. */
function lastRanMs(pid: number | 'self'): number | undefined {
  const [, ms] = /^se\.exec_start\s*:\s*([\d.]+)/m.exec(read(pid, 'sched')) ?? [];
  return ms === undefined ? undefined : Number(ms);
}

function read(pid: number | 'self', file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
