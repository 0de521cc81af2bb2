// SPDX-License-Identifier: Apache-2.0
// How long each thread of a process has run, as the scheduler counts it: any process may read that of any other.
import { readdir, readFile } from 'node:fs/promises';

export interface ThreadTime {
  readonly tid: number;
  readonly comm: string;
  /** se.sum_exec_runtime, nanoseconds. */
  readonly ranNs: number;
  /** The thread runs, or waits for a CPU. */
  readonly isRunnable: boolean;
}

/** A virtual machine of so many CPUs; of larger processes the first of them. */
const MOST_THREADS = 512;

/** undefined: it is gone, or not ours to look at. */
export async function readThreadTimes(pid: number): Promise<readonly ThreadTime[] | undefined> {
  try {
    const tids = (await readdir(`/proc/${pid}/task`)).slice(0, MOST_THREADS);
    return (await Promise.all(tids.map((tid) => readThread(pid, Number(tid))))).flatMap((thread) => thread ?? []);
  } catch {
    return undefined;
  }
}

async function readThread(pid: number, tid: number): Promise<ThreadTime | undefined> {
  const task = `/proc/${pid}/task/${tid}`;
  try {
    const [stat, schedstat] = [await readFile(`${task}/stat`, 'utf8'), await readFile(`${task}/schedstat`, 'utf8')];
    // "4711 (CPU 0/KVM) S …": a name may have brackets too.
    const [from, to] = [stat.indexOf('(') + 1, stat.lastIndexOf(')')];
    const isRunnable = stat[to + 2] === 'R';
    return { tid, comm: stat.slice(from, to), ranNs: Number(schedstat.split(' ')[0]), isRunnable };
  } catch {
    return undefined; // it ended meanwhile
  }
}
