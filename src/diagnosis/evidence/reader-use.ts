// SPDX-License-Identifier: Apache-2.0
// Which threads read a queue, and how long they ran and waited for a CPU: the scheduler's own counts, exact however few samples there are.

import type { Halt, ThreadUse, ThreadUses } from '../../snapshot/owner.ts';
import { readingThread } from '../../snapshot/queue.ts';
import type { QueueSpan } from '../window.ts';
import { delivered } from './loss.ts';

export interface ReaderUse {
  /** Between the first and the last look at its threads. */
  readonly seconds: number;
  /** Shares of these seconds, 0 to 1; of threads that take turns both together. */
  readonly ran: number;
  /** It could run, and others had the CPU, or its cgroup had used up its time. Of a wait that lasts, what is known. */
  readonly waited: number;
  /** Their numbers. */
  readonly threads: readonly number[];
  /** One of them may not run on every CPU. */
  readonly isBound: boolean;
}

/** In less a single turn on a CPU would look like a habit. */
const LEAST_SECONDS = 1.5;
/** A thread with less of the reads does not read the queue. */
const READS_SHARE = 0.1;
/** Reads of so many of the packets: what reads the others is not known (io_uring, a process that is not the owner). */
const EXPLAINED = 0.5;

interface ThreadSpan {
  readonly before: ThreadUse;
  readonly now: ThreadUse;
}

/** undefined: its owner's threads were not looked at twice, or none of them can be told to be the reader. */
export function readerUse(queue: QueueSpan): ReaderUse | undefined {
  const looks = usesIn(queue);
  const [first, last] = [looks[0], looks.at(-1)];
  if (!first || !last || last.readAt - first.readAt < LEAST_SECONDS) return undefined;
  const seconds = last.readAt - first.readAt;
  const earlier = new Map(first.threads.map((thread) => [thread.tid, thread]));
  const spans = last.threads.flatMap((now) => {
    const before = earlier.get(now.tid);
    return before ? [{ before, now }] : [];
  });
  const readers = readersOf(queue, spans, seconds);
  if (readers.length === 0) return undefined;
  const share = (of: (thread: ThreadUse) => number): number =>
    Math.min(1, readers.reduce((sum, { before, now }) => sum + of(now) - of(before), 0) / seconds);
  return {
    seconds,
    ran: share(({ ranSeconds }) => ranSeconds),
    waited: share(({ waitedSeconds }) => waitedSeconds),
    threads: readers.map(({ now }) => now.tid),
    isBound: readers.some(({ now }) => now.isBound),
  };
}

/** Here they wait for a packet of the device (drivers/net/tun.c, tap.c): a look came while the ring was empty. */
const WAITS_FOR_PACKETS = /^(tun|tap)_(do_read|ring_recv)$/;

/** The kernel's function in which its reading threads slept at most looks while packets waited; undefined: no look saw them sleep there. */
export function sleptIn(queue: QueueSpan, threads: readonly number[]): string | undefined {
  const seen = usesIn(queue)
    .flatMap((look) => look.threads.flatMap(({ tid, sleepsIn }) => (sleepsIn && threads.includes(tid) ? sleepsIn : [])))
    .filter((name) => !WAITS_FOR_PACKETS.test(name));
  const looks = (name: string): number => seen.filter((one) => one === name).length;
  return seen.toSorted((a, b) => looks(b) - looks(a))[0];
}

/** Who keeps its owner from running; undefined: nobody that is known. */
export function haltOf(queue: QueueSpan): Halt | undefined {
  return queue.now.owner?.uses?.halt;
}

function usesIn({ now, steps }: QueueSpan): readonly ThreadUses[] {
  return steps.flatMap(({ owner }) => (owner?.uses && owner.pid === now.owner?.pid ? owner.uses : []));
}

/** The thread that was seen reading; else those that did the reads, of a program that polls, is woken by signals or takes turns. */
function readersOf(queue: QueueSpan, spans: readonly ThreadSpan[], seconds: number): readonly ThreadSpan[] {
  const known = readingThread(queue.now);
  if (known !== undefined) return spans.filter(({ now }) => now.tid === known);
  if (spans.length < 2) return spans;
  const readsOf = ({ before, now }: ThreadSpan): number => (now.reads ?? 0) - (before.reads ?? 0);
  const all = spans.reduce((sum, span) => sum + readsOf(span), 0);
  const packets = ((delivered(queue) ?? 0) / queue.device.seconds) * seconds;
  if (all === 0 || all < EXPLAINED * packets) return [];
  const readers = spans.filter((span) => readsOf(span) >= READS_SHARE * all);
  // Of several queues each may have a thread of its own.
  return readers.length > 1 && queue.device.queues.length > 1 ? [] : readers;
}
