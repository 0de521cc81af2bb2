// SPDX-License-Identifier: Apache-2.0
// CPU time of the whole agent: of this process and of the second one, which serves.
import { readFileSync } from 'node:fs';
import { TICKS_PER_SECOND } from '../process-text.ts';

/** Microseconds, as process.cpuUsage() has them. */
let endedUs = 0;
let seen: { readonly pid: number; readonly fromUs: number; us: number } | undefined;

/** Its start is over: as with this process, what that took is no part of what watching costs. */
export function countSecondProcess(pid: number): void {
  endedUs += seen?.us ?? 0;
  seen = { pid, fromUs: ofProcess(pid), us: 0 };
}

/** Microseconds that watching took. */
export function agentCpuUs(): number {
  if (seen) seen.us = Math.max(seen.us, ofProcess(seen.pid) - seen.fromUs);
  const { user, system } = process.cpuUsage();
  return user + system + endedUs + (seen?.us ?? 0);
}

/** 0: it has ended. proc(5): utime and stime are fields 14 and 15 of stat, behind the name in brackets. */
function ofProcess(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}
