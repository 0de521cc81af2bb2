// SPDX-License-Identifier: Apache-2.0
// One queue at one moment.
import type { CounterValues } from './counters.ts';
import type { Identity, Owner } from './owner.ts';
import type { SendBuffer } from './program.ts';

/** One count of packets under a kernel drop reason (without its prefix). */
export interface ReasonCount {
  readonly reason: string;
  readonly packets: number;
}

/** One conservation equation; imbalance in packets (of `stops` in stops), 0 when the queue is at rest. */
export interface AuditResult {
  readonly equation: string;
  readonly imbalance: number;
}

/** What the probes counted on one queue since its epoch began; packets unless named otherwise. */
export interface QueueCounters extends CounterValues {
  readonly dropped: readonly ReasonCount[];
  // undefined from here on: no mechanism measures it on this host, or at this level.
  readonly offered: number | undefined;
  readonly offeredBytes: number | undefined;
  /** Redirected frames are in it. */
  readonly enqueued: number | undefined;
  /** Taken out of the ring, by reader; what vhost gave back is in it. */
  readonly consumed: { readonly read: number; readonly vhost: number } | undefined;
  readonly delivered: number | undefined;
}

/** A queue of which nothing is known. */
export const NO_QUEUE = {
  ring: undefined,
  counters: undefined,
  history: undefined,
  flow: undefined,
  perCpu: [],
  owner: undefined,
  reader: undefined,
  vhost: undefined,
  freed: undefined,
  wakeups: undefined,
  receiveBatches: undefined,
  redirected: undefined,
  audit: [],
  auditPending: undefined,
  degraded: [],
} as const satisfies Omit<Queue, 'index'>;

/** All packets that this queue dropped, for all reasons. */
export function droppedPackets(counters: QueueCounters): number {
  return counters.dropped.reduce((sum, { packets }) => sum + packets, 0);
}

/** Counters of one queue on one CPU, for `--detail cpu`. */
export interface CpuCounters {
  readonly cpu: number;
  readonly offered: number;
  readonly dropped: number;
  /** The part of `offered` that the soft interrupt NET_TX sent. */
  readonly sentBySoftirq: number;
}

export interface Ring {
  readonly capacity: number;
  /** Entries waiting in the ring; slots that were consumed and not yet zeroed are not among them. */
  readonly occupancy: number;
  /** Slots that were consumed and not yet zeroed: the producer cannot use them. */
  readonly lag: number;
  /** The highest occupancy of the last one to two minutes; undefined: nothing was offered yet. */
  readonly highwater: number | undefined;
}

/** How often which values were seen. `buckets[n]`: values of n bits, that is below 2^n and not below 2^(n-1). */
export interface Observations {
  readonly buckets: readonly number[];
  readonly sum: number;
}

export const NO_OBSERVATIONS: Observations = { buckets: [], sum: 0 };

/** Figures that are sampled or rare; undefined: no mechanism measures it on this host. */
export interface RingHistory {
  /** Packets in the ring when one arrived, one arrival of 128. */
  readonly arrivals: Observations | undefined;
  /** Nanoseconds in the ring, of every second of these packets as far as they were found again. */
  readonly sojourn: Observations | undefined;
  readonly overflow: Overflow | undefined;
}

/** Drops because the ring was full. An episode lasts until the ring is empty again; packets unless named otherwise. */
export interface Overflow {
  /** Dropped in a row, until one was taken. */
  readonly bursts: Observations;
  readonly episodes: number;
  /** Ended episodes, by what each dropped; undefined: an older recording. */
  readonly sizes?: EpisodeSizes | undefined;
  /** What the largest episode of the last one to two minutes would have needed; 0: none has ended. */
  readonly needed: number;
  /** Dropped in the present episode; 0: there is none. */
  readonly openPackets: number;
  readonly openSeconds: number;
}

/** Episodes by half octaves: [2n] dropped 2^(n-1) or more, [2n + 1] 1.5 times that, and below the next; the last has no end. */
export interface EpisodeSizes {
  readonly episodes: readonly number[];
  /** What those of each half octave dropped together. */
  readonly dropped: readonly number[];
}

/** Stops and wakes of a queue that is stopped instead of dropping. */
export interface Flow {
  readonly stops: number;
  /** Stops of which only the wakes were seen. */
  readonly stopsInferred: number;
  readonly wakes: readonly { readonly cause: string; readonly wakes: number }[];
  /** Ended without a wake. */
  readonly stopsUnwoken: number;
  /** Due under the ring's lock, and not come. */
  readonly wakesLost: number;
  /** Wakes on another CPU than that of the newest packet's sender. */
  readonly wakesElsewhere: number;
  /** The present stop is in it. */
  readonly stoppedSeconds: number;
  /** Seconds of the present stop; undefined: the queue is not stopped. */
  readonly stoppedForSeconds: number | undefined;
  /** Nanoseconds. */
  readonly stopDurations: Observations;
  /** Nanoseconds from a wake to the next packet. */
  readonly resumeLatencies: Observations;
  /** Packets sent by the soft interrupt NET_TX. */
  readonly sentBySoftirq: number;
}

/** A process that ran while a reader waited for a CPU: on that CPU, as the agent's samples saw it. */
export interface Rival {
  readonly pid: number;
  /** The name of the thread that was seen last. */
  readonly comm: string;
  /** Samples, since the queue was first seen. */
  readonly looks: number;
  /** undefined: not looked up yet, or it has ended. */
  readonly identity: Identity | undefined;
}

/** What takes the packets out of a queue's ring, and how the time was spent in which that did not suffice. */
export interface Reader {
  /** Its number; undefined: none was seen reading, or several take turns. */
  readonly thread: number | undefined;
  /** Seconds by the state of the reader, since the queue was first seen. */
  readonly fullSeconds: readonly { readonly state: string; readonly seconds: number }[];
  /** Seconds beside those, between two samples of a full or stopped queue, in which it perhaps was neither. */
  readonly uncertainSeconds?: number;
  /** Samples that found it waiting for a CPU, since the queue was first seen, and who had the CPU in most of them. */
  readonly waitingLooks?: number;
  readonly rivals?: readonly Rival[];
}

/** The thread that moves a queue's packets for vhost-net. */
export interface Worker {
  readonly tid: number;
  readonly comm: string;
  /** The CPU on which the thread runs, or ran last. */
  readonly cpu: number;
  /** CPUs on which it may run, as "0-3"; undefined: not read yet, or an older recording. */
  readonly allowedCpus?: string;
  /** CPU time since it began. */
  readonly seconds: number;
}

/** From Linux 6.4 on it is a thread of the queue's owner, and named so. */
export const WORKER_NAME = /^vhost-\d+$/;

/** A guest's backend moves up to this many packets at once (VHOST_NET_BATCH), before any probe counts them. */
export const BACKEND_BATCH = 64;
/** The slots in which the BPF programs count batches, and one more behind the last. */
export const BATCH_BOUNDS: readonly number[] = [1, 2, 4, 8, 16, 32, BACKEND_BATCH];

/** Batches in which vhost-net took packets for the guest, or handed them over from it, by their size. */
export interface VhostBatches {
  /** Packets. `buckets[i]`: batches above `bounds[i - 1]` and up to `bounds[i]`, the last: above all bounds. */
  readonly bounds: readonly number[];
  readonly buckets: readonly number[];
  /** Packets of all batches. */
  readonly sum: number;
}

/** What the guest sends through vhost-net without having it copied; packets. undefined: vhost-net copies all. */
export interface ZeroCopy {
  readonly tried: number;
  readonly completed: { readonly uncopied: number; readonly copied: number };
  /** Packets for which zero-copy was not tried, by the reason to copy at once. */
  readonly notTried: Readonly<Record<string, number>>;
  /** Packets on their way; undefined: vhost-net is not connected now. */
  readonly outstanding: number | undefined;
}

/** vhost-net on a queue, now or before. undefined: it is gone, or not measured. */
interface Vhost {
  /** Packets that it has taken out of the ring and not yet delivered. */
  readonly held: number | undefined;
  readonly worker: Worker | undefined;
  /** Batches of packets that it took out of the ring. */
  readonly batches: VhostBatches | undefined;
  /** Looks at a packet for which the guest had no buffer. */
  readonly noBuffer: number | undefined;
  /** Buffers of the guest that it gave back unused. */
  readonly discarded: number | undefined;
  readonly zeroCopy: ZeroCopy | undefined;
}

/** Packets, of one in 256, that found the reader asleep and left it awake, by the CPU on which it then was. */
interface Wakeups {
  /** The one that sent the packet. */
  readonly there: number;
  readonly elsewhere: number;
}

/** Packets that the reader got, by the CPU that allocated them. */
interface Freed {
  /** Packets freed on that CPU. */
  readonly there: number;
  readonly elsewhere: number;
  /** Packets given back to that CPU, which frees them later; undefined: not measured. */
  readonly deferred?: number | undefined;
}

/** XDP frames that were redirected into a ring. */
interface Redirected {
  readonly enqueued: number;
  readonly lost: number;
}

export interface Queue {
  readonly index: number;
  readonly ring: Ring | undefined;
  readonly counters: QueueCounters | undefined;
  readonly history: RingHistory | undefined;
  /** undefined: it does not stop, or no probe sees it. */
  readonly flow: Flow | undefined;
  readonly perCpu: readonly CpuCounters[];
  readonly owner: Owner | undefined;
  /** undefined: nothing looks at readers on this host. */
  readonly reader: Reader | undefined;
  /** undefined: it never served this queue, or it was not seen. */
  readonly vhost: Vhost | undefined;
  readonly freed: Freed | undefined;
  readonly wakeups: Wakeups | undefined;
  /** Batches of packets from the guest; undefined: not measured, or vhost-net never handed anything over. */
  readonly receiveBatches: VhostBatches | undefined;
  /** undefined: not measured, or nothing ever was. */
  readonly redirected: Redirected | undefined;
  /** undefined: nobody asks, nothing tells, or an older recording. */
  readonly send?: SendBuffer | undefined;
  readonly audit: readonly AuditResult[];
  /** Its ring is not yet audited; undefined: nothing could. */
  readonly auditPending: boolean | undefined;
  /** Why figures of this queue are not exact; empty: they are. One short sentence each. */
  readonly degraded: readonly string[];
}

/** The thread that takes packets for a guest within the kernel; undefined: a program reads the queue, or it is not known. */
export function workerOf({ vhost }: Pick<Queue, 'vhost'>): Worker | undefined {
  return vhost?.worker;
}

/** Number of the thread that takes the queue's packets; undefined: none was seen, or several take turns. */
export function readingThread(queue: Pick<Queue, 'vhost' | 'reader'>): number | undefined {
  return workerOf(queue)?.tid ?? queue.reader?.thread;
}

/** The kernel takes packets for a guest, now or before. */
export function hasBackend({ vhost }: Pick<Queue, 'vhost'>): boolean {
  return vhost !== undefined;
}

/** How often the guest had no buffer for a packet; undefined: not measured. */
export function timesWithoutBuffer({ vhost }: Pick<Queue, 'vhost'>): number | undefined {
  return vhost?.noBuffer;
}
