// SPDX-License-Identifier: Apache-2.0
// How long each thread of a process has run, as the scheduler counts it: any process may read that of any other.
import { readdir, readFile } from 'node:fs/promises';

export interface ThreadTime {
  readonly tid: number;
  readonly comm: string;
  /** se.sum_exec_runtime, nanoseconds. */
  readonly ranNs: number;
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
    const [comm, schedstat] = [await readFile(`${task}/comm`, 'utf8'), await readFile(`${task}/schedstat`, 'utf8')];
    return { tid, comm: comm.trimEnd(), ranNs: Number(schedstat.split(' ')[0]) };
  } catch {
    return undefined; // it ended meanwhile
  }
}
