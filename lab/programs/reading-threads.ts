// SPDX-License-Identifier: Apache-2.0
// Which thread of a program really reads: by the kernel's own count of each thread's read calls.
import { readdirSync, readFileSync } from 'node:fs';

export interface ThreadReads {
  /** `syscr` of /proc/PID/task/TID/io: calls of read and readv; those of recvmsg are not among them. */
  readonly calls: number;
}

/** The counts by thread. */
export function threadReads(pid: number): ReadonlyMap<number, ThreadReads> {
  return new Map(
    readdirSync(`/proc/${pid}/task`).map((tid) => {
      const text = readFileSync(`/proc/${pid}/task/${tid}/io`, 'utf8');
      return [Number(tid), { calls: Number(/^syscr: (\d+)$/m.exec(text)?.[1]) }];
    }),
  );
}

/** Threads that read at least so large a share of the packets. One with nearly all is the reader; several take turns. */
const SOLE = 0.9;
const SOME = 0.01;

/** The reader alone, or all that took turns. */
export function mainReaders(
  before: ReadonlyMap<number, ThreadReads>,
  after: ReadonlyMap<number, ThreadReads>,
  packets: number,
): readonly number[] {
  const calls = [...after].map(([tid, now]) => ({ tid, calls: now.calls - (before.get(tid)?.calls ?? 0) }));
  const total = calls.reduce((sum, one) => sum + one.calls, 0);
  const sole = calls.find((one) => one.calls >= SOLE * Math.max(total, 1));
  if (sole && sole.calls >= packets / 2) return [sole.tid];
  return calls.filter((one) => one.calls >= SOME * packets).map(({ tid }) => tid);
}
