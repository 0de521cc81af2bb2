// SPDX-License-Identifier: Apache-2.0
// How long each thread of a process has run and waited for a CPU, as the scheduler counts it, and how often it has read.
import { readdir, readFile } from 'node:fs/promises';
import { nameOfLatin1 } from '../foreign-name.ts';

export interface ThreadTime {
  readonly tid: number;
  readonly comm: string;
  /** The process that started it, or that took it over: 1 where that has ended. */
  readonly parent: number;
  /** se.sum_exec_runtime, nanoseconds. */
  readonly ranNs: number;
  /** sched_info.run_delay, nanoseconds: it could run, and others had the CPU. A wait that lasts is not in it yet. */
  readonly waitedNs: number;
  /** The thread runs, or waits for a CPU. */
  readonly isRunnable: boolean;
}

/** A virtual machine of so many CPUs; of larger processes the first of them. */
const MOST_THREADS = 512;

/** Any process may read that of any other. undefined: it is gone, or not ours to look at. */
export async function readThreadTimes(pid: number, most = MOST_THREADS): Promise<readonly ThreadTime[] | undefined> {
  try {
    const tids = (await readdir(`/proc/${pid}/task`)).slice(0, most);
    return (await Promise.all(tids.map((tid) => readThread(pid, Number(tid))))).flatMap((thread) => thread ?? []);
  } catch {
    return undefined;
  }
}

async function readThread(pid: number, tid: number): Promise<ThreadTime | undefined> {
  const task = `/proc/${pid}/task/${tid}`;
  try {
    const [stat, schedstat] = [await readFile(`${task}/stat`, 'latin1'), await readFile(`${task}/schedstat`, 'utf8')];
    // "4711 (CPU 0/KVM) S …": a name may have brackets too.
    const [from, to] = [stat.indexOf('(') + 1, stat.lastIndexOf(')')];
    const [ranNs = 0, waitedNs = 0] = schedstat.split(' ').map(Number);
    const [state, parent] = stat.slice(to + 2).split(' ');
    const comm = nameOfLatin1(stat.slice(from, to));
    return { tid, comm, parent: Number(parent), ranNs, waitedNs, isRunnable: state === 'R' };
  } catch {
    return undefined; // it ended meanwhile
  }
}

/** Calls of read() and its like since the thread began; io_uring's are not among them. undefined: it takes the right to trace the process. */
export async function readCalls(pid: number, tid: number): Promise<number | undefined> {
  const io = await readFile(`/proc/${pid}/task/${tid}/io`, 'utf8').catch(() => '');
  const calls = /^syscr: (\d+)$/m.exec(io)?.[1];
  return calls === undefined ? undefined : Number(calls);
}

/** The kernel's function in which it sleeps. undefined: it sleeps in none now, or it takes the right to trace the process. */
export async function sleepsIn(pid: number, tid: number): Promise<string | undefined> {
  const name = await readFile(`/proc/${pid}/task/${tid}/wchan`, 'utf8').catch(() => '0');
  return /^[a-z_]\w+/i.exec(name)?.[0]; // 'do_poll.constprop.0' without what the compiler added
}
