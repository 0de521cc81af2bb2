// SPDX-License-Identifier: Apache-2.0
// What a process or a thread has read and written, by read(), write() and their like, of any file: /proc/PID/io and /proc/PID/task/TID/io. It needs CAP_SYS_PTRACE for others'.
import { readFileSync } from 'node:fs';
import { parseStat, ticksOf } from './process-text.ts';

export interface ReadCounts {
  readonly bytes: number;
  readonly calls: number;
  /** Bytes that writes took, and calls: those that failed too. */
  readonly written: number;
  readonly writes: number;
}

/** /proc has this process under its number. In another PID namespace than the host's it has another one there, or none. `started`: ns since boot. */
export function isInProc(pid: number, started: bigint): boolean {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.startedTicks === ticksOf(started);
  } catch {
    return false;
  }
}

/** All threads, those that ended too; undefined: it is gone, not ours to look at, or this kernel keeps no such account. */
export function readsOfProcess(pid: number): ReadCounts | undefined {
  return countsIn(`/proc/${pid}/io`);
}

export function readsOfThread(tid: number): ReadCounts | undefined {
  return countsIn(`/proc/${tid}/task/${tid}/io`);
}

const LINES: readonly RegExp[] = [/^rchar: (\d+)$/m, /^syscr: (\d+)$/m, /^wchar: (\d+)$/m, /^syscw: (\d+)$/m];

/** Not awaited: what is compared with it is read right before and behind. Such a file is never waited for. */
function countsIn(file: string): ReadCounts | undefined {
  try {
    const text = readFileSync(file, 'latin1');
    const [bytes, calls, written, writes] = LINES.map((line) => {
      const value = line.exec(text)?.[1];
      return value === undefined ? undefined : Number(value);
    });
    if (bytes === undefined || calls === undefined || written === undefined || writes === undefined) return undefined;
    return { bytes, calls, written, writes };
  } catch {
    return undefined;
  }
}
