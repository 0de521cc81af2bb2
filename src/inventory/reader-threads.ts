// SPDX-License-Identifier: Apache-2.0
// What the threads of programs do whose devices lose packets: which of them read, and how long they ran and waited for a CPU.
import { readHalt } from '../kernel/halted.ts';
import { onlineCpus } from '../kernel/online-cpus.ts';
import { isBound } from '../kernel/process-text.ts';
import { readCalls, readThreadTimes, sleepsIn, type ThreadTime } from '../kernel/thread-times.ts';
import type { ThreadUse, ThreadUses } from '../snapshot/owner.ts';

/** Of a program with more threads the first: five small files each, once a second. */
const MOST_THREADS = 64;
/** The window that rules are made for is ten seconds: its first look has to be as old. */
const KEPT_MS = 15_000;

/** A device that a process holds, with its count of packets that did not get into a ring. */
export interface LossyDevice {
  readonly pid: number;
  readonly deviceId: bigint;
  readonly txDropped: number;
}

export class ReaderThreads {
  #seen: ReadonlyMap<number, ThreadUses> = new Map();
  /** By device: its drops at the last refresh, and when they last grew; undefined: before the first. */
  #losses: ReadonlyMap<bigint, { readonly txDropped: number; readonly grewMs: number }> | undefined;
  /** Threads at the last look, by their numbers. */
  #looks: ReadonlyMap<number, ThreadLook> = new Map();
  #busy = false;
  #version = 0;

  /** Grows when an answer becomes another. */
  get version(): number {
    return this.#version;
  }

  /** The devices of some process lost packets a short time ago. */
  get isWatching(): boolean {
    return this.#seen.size > 0 || this.#busy;
  }

  /** undefined: its devices lose nothing. */
  of(pid: number): ThreadUses | undefined {
    return this.#seen.get(pid);
  }

  /** Forgets all others; called where any device has dropped more, and while it is watching. Not for a scrape. */
  async refresh(devices: readonly LossyDevice[]): Promise<void> {
    const pids = this.#losing(devices);
    if (this.#busy || (pids.size === 0 && this.#seen.size === 0)) return;
    this.#busy = true;
    try {
      const seen = new Map<number, ThreadUses>();
      const looks = new Map<number, ThreadLook>();
      const online = pids.size > 0 ? onlineCpus() : 0;
      for (const pid of pids) {
        const threads = (await readThreadTimes(pid, MOST_THREADS)) ?? [];
        const readAt = Date.now() / 1000;
        for (const thread of threads) looks.set(thread.tid, lookAt(thread, readAt, this.#looks.get(thread.tid)));
        const uses = await Promise.all(threads.map((thread) => useOf(pid, thread, online, looks.get(thread.tid))));
        const parent = threads[0]?.parent;
        const halt = await readHalt(pid);
        if (parent !== undefined) seen.set(pid, { threads: uses, parent, readAt, ...(halt && { halt }) });
      }
      this.#looks = looks;
      this.#version += 1;
      this.#seen = seen;
    } finally {
      this.#busy = false;
    }
  }

  /** Processes with a device whose drops grew a short time ago. */
  #losing(devices: readonly LossyDevice[]): ReadonlySet<number> {
    const now = performance.now();
    const losses = new Map<bigint, { readonly txDropped: number; readonly grewMs: number }>();
    const pids = new Set<number>();
    for (const { pid, deviceId, txDropped } of devices) {
      const before = this.#losses?.get(deviceId);
      // Of the first call it is not known when they were dropped; a device that is new later began with none.
      const grew = this.#losses !== undefined && txDropped > (before?.txDropped ?? 0);
      const grewMs = grew ? now : (before?.grewMs ?? Number.NEGATIVE_INFINITY);
      losses.set(deviceId, { txDropped, grewMs });
      if (now - grewMs < KEPT_MS) pids.add(pid);
    }
    this.#losses = losses;
    return pids;
  }
}

interface ThreadLook {
  readonly thread: ThreadTime;
  readonly readAt: number;
  /** Seconds for which it has waited for a CPU and still does: run_delay has a wait when it ends. */
  readonly waiting: number;
}

/** It could run at both looks and did not in between: so long its wait lasts at least. */
function lookAt(thread: ThreadTime, readAt: number, last: ThreadLook | undefined): ThreadLook {
  const isSame = last?.thread.ranNs === thread.ranNs && last.thread.waitedNs === thread.waitedNs;
  const lasts = last !== undefined && isSame && last.thread.isRunnable && thread.isRunnable;
  return { thread, readAt, waiting: lasts ? last.waiting + readAt - last.readAt : 0 };
}

async function useOf(
  pid: number,
  { tid, ranNs, waitedNs }: ThreadTime,
  online: number,
  look?: ThreadLook,
): Promise<ThreadUse> {
  const sleeps = await sleepsIn(pid, tid);
  return {
    tid,
    ranSeconds: ranNs / 1e9,
    waitedSeconds: waitedNs / 1e9 + (look?.waiting ?? 0),
    reads: await readCalls(pid, tid),
    isBound: await isBound(tid, online),
    ...(sleeps !== undefined && { sleepsIn: sleeps }),
  };
}
