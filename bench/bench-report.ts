// SPDX-License-Identifier: Apache-2.0
// The vocabulary of `tapscope bench`: what is measured, what came of it, and the medians of repeats. Pure data.
import type { Interrupts } from './interrupts.ts';
import type { ThreadCounts } from './perf-events.ts';

export const READERS = ['tap', 'vhost'] as const;
/**
 * What happens to a sender that is faster than the reader. tail-drop: packets are lost, an fq_codel is there and never used;
 * backpressure: with IFF_BACKPRESSURE and an fq_codel the queue stops, and pktgen waits; no-qdisc: with IFF_BACKPRESSURE and
 * without a qdisc, where the flag does nothing; through-qdisc: as backpressure, but the packets go through the fq_codel.
 */
export const FLOWS = ['tail-drop', 'backpressure', 'no-qdisc', 'through-qdisc'] as const;
export type FlowCase = (typeof FLOWS)[number];

/** pktgen as the kernel's samples set it: sample01 sends many flows; sample03 one flow in bursts of one packet, without timestamps. */
const SHAPES = ['sample01', 'sample03'] as const;
export type PktgenShape = (typeof SHAPES)[number];

/** pktgen sends to a tap that a program reads, or that vhost-net hands to a guest. */
export interface SendCell {
  readonly kind: 'send';
  /** Unique: what --only looks at. */
  readonly id: string;
  readonly reader: (typeof READERS)[number];
  readonly flow: FlowCase;
  readonly threads: number;
  readonly queues: number;
  readonly pinned: boolean;
  /** The reader is pinned to APART_FROM_SENDER (tap.ts), in place of the CPU of pktgen's first thread. */
  readonly apart?: true;
  readonly shape: PktgenShape;
}

/** A guest of vhost-net sends messages to the host, which lets go of them at once. */
export interface MessageCell {
  readonly kind: 'message';
  readonly id: string;
  /** On a dummy device, which lets go of them; absent: a tap. */
  readonly device?: 'macvtap';
  readonly zeroCopy: boolean;
  /** Bytes of one, Ethernet header included. */
  readonly size: number;
}

/** A guest of vhost-net sends packets to another guest, through a bridge. */
export interface PairCell {
  readonly kind: 'pair';
  readonly id: string;
  /** Bytes of one, Ethernet header included. */
  readonly size: number;
}

/**
 * Towards what iperf3's bytes go, the mail's four first; external: a namespace behind a veth and a bridge, in place of another
 * host; both: to the guest and from it at the same time.
 */
export const DIRECTIONS = [
  'guest-to-external',
  'external-to-guest',
  'guest-to-host',
  'host-to-guest',
  'both',
  'guest-to-guest',
] as const;
export type Direction = (typeof DIRECTIONS)[number];

export function isFromGuest(direction: Direction): boolean {
  return direction === 'guest-to-host' || direction === 'guest-to-external';
}

/** The sizes of messages that the mail has. */
export const STREAM_SIZES = [512, null] as const;

/** TCP streams of iperf3 from or to a guest in QEMU, through a tap of so many queues. */
export interface StreamCell {
  readonly kind: 'stream';
  readonly id: string;
  readonly direction: Direction;
  /** Bytes of one message; null: iperf3's own, 128 KiB. */
  readonly size: number | null;
  /** Pairs of a sending and a receiving iperf3. */
  readonly sessions: number;
  /** Of each tap. */
  readonly queues: number;
  /** Of each guest. */
  readonly cpus: number;
}

/** tail-drop: without IFF_BACKPRESSURE; the others with it, and that qdisc. */
export const PATH_QDISCS = ['tail-drop', 'pfifo', 'fq_codel', 'cake'] as const;

/** TCP from this host through a VPN, over a path with delay and loss. */
export interface PathCell {
  readonly kind: 'path';
  readonly id: string;
  readonly qdisc: (typeof PATH_QDISCS)[number];
}

export type Cell = SendCell | MessageCell | PairCell | StreamCell | PathCell;

/** What a path cell has beside packets. */
export interface PathRun {
  /** Received by all flows together. */
  readonly bitsPerSecond: number;
  /** Segments that TCP sent again. */
  readonly retransmissions: number;
  /** Median of a ping beside the flows; undefined: no answer came. */
  readonly pingMs: number | undefined;
  /** On average, by the packets that wait there. */
  readonly qdiscMs: number;
  readonly ringMs: number;
  /** Jain's index: 1 where all flows got alike. */
  readonly fairness: number;
}

/** What a stream cell has beside packets. */
export interface StreamRun {
  /** Received by all sessions together. */
  readonly bitsPerSecond: number;
  /** The busy share of all CPUs of the host, 0 to 1. */
  readonly hostCpu: number;
  /** Packets that tun was given for each queue of the tap towards the receiver; both and guest to host: towards the guest. */
  readonly queues: readonly number[];
  /** Packets that only the kernel's counter of the device shows, so that their queue is not known. */
  readonly ofNoQueue: number;
}

/** What perf counted in a send cell, while pktgen sent. */
export interface PerfRun {
  /** From before the counters were read first until after they were read last: no thread ran for longer. */
  readonly seconds: number;
  /** pktgen's threads. */
  readonly sender: ThreadCounts;
  /** The threads of the program that reads, or vhost-net's workers. */
  readonly reader: ThreadCounts;
}

/** What came to pass in a send cell while perf counted. */
export interface WakeRun {
  readonly stops: number;
  readonly wakes: number;
  /** Wakes on another CPU than that of the newest packet's sender. */
  readonly elsewhere: number;
  readonly interrupts: Interrupts;
}

/** Where threads were when they were sampled, so many times a second of their own CPU time. */
export interface Profile {
  /** What it was that went on: cycles of the CPU, or, without such a counter, its time, of which functions that hold off interrupts have too little. */
  readonly clock: 'cycles' | 'cpu-clock';
  readonly samples: number;
  /** Samples by function, the most first. */
  readonly symbols: Readonly<Record<string, number>>;
}

/** Of a send cell, while pktgen sent; undefined: neither clock is here, or the kernel hides its symbols. */
export interface ProfileRun {
  readonly sender: Profile | undefined;
  readonly reader: Profile | undefined;
}

/** Packets that a reader got, by the CPU that had allocated them. */
export interface FreedPackets {
  /** Freed on that CPU. */
  readonly there: number;
  readonly elsewhere: number;
  /** Given back to that CPU; undefined: not measured. */
  readonly deferred?: number | undefined;
}

/** All of them. */
export function freedTotal({ there, elsewhere, deferred = 0 }: FreedPackets): number {
  return there + elsewhere + deferred;
}

/** One repeat of a cell. Packets by the agent's counters. */
export interface Run {
  /** Seconds since 1970: which repeats of two reports were measured in turn. */
  readonly began?: number | undefined;
  readonly seconds: number;
  /** With all that the cell needed: seconds in which a guest booted too. */
  readonly tookSeconds?: number | undefined;
  /** Packets that tun took (send cell), that reached the host (message cell) or the second guest (pair cell). */
  readonly transmitted: number;
  /** Lost in tun. */
  readonly lost: number;
  /** Dropped before tun: by the qdisc, or on the way into it. */
  readonly droppedBefore: number;
  /** Messages that vhost-net passed on without copying them. */
  readonly uncopied: number;
  /** CPU time of vhost-net's workers; undefined: there are none, or it was not measured. */
  readonly workerSeconds: number | undefined;
  /** CPU time of the thread that plays QEMU and the guest; undefined: of no message cell. */
  readonly vmmSeconds?: number | undefined;
  /** Of all CPUs of the host, timers too; undefined: of no message cell. */
  readonly interruptsPerSecond?: number | undefined;
  /** Times that pktgen hands over each packet at once; undefined: of no send cell. */
  readonly burst?: number | undefined;
  readonly perf?: PerfRun | undefined;
  readonly wake?: WakeRun | undefined;
  /** undefined: not asked for. */
  readonly profile?: ProfileRun | undefined;
  /** CPUs on which the threads that read, or vhost-net's workers, may run: '0-3'. Several: they differ. undefined: of no send cell. */
  readonly readerCpus?: readonly string[] | undefined;
  /** Packets that a reader got; undefined: not measured. */
  readonly freed?: FreedPackets | undefined;
  readonly stream?: StreamRun | undefined;
  readonly path?: PathRun | undefined;
  /** Differences between the agent's numbers and others', a sentence each. */
  readonly disagreements: readonly string[];
}

/** A figure over the repeats. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export interface CellResult {
  readonly cell: Cell;
  /** Why this host cannot measure it, or null. */
  readonly missing: string | null;
  readonly runs: readonly Run[];
}

/** A way in which tun may allocate or free packets. */
export interface TunPath {
  readonly name: string;
  /** null: the code of tun could not be read. */
  readonly present: boolean | null;
  readonly reason: string;
}

/** What the mails say of their hosts, and what changes their figures most. */
export interface BenchHost {
  readonly cpuModel: string;
  /** The line of /sys/devices/system/cpu/vulnerabilities/spec_rstack_overflow; undefined: the kernel does not say. */
  readonly srso: string | undefined;
  /** Vulnerabilities of this CPU that the kernel mitigates, by its names. */
  readonly mitigated: readonly string[];
  /** The setting by the command line or the kernel's configuration; undefined: neither says. */
  readonly hardenedUsercopy: boolean | undefined;
  /** What devices get where nobody says otherwise; undefined: the kernel does not say. */
  readonly defaultQdisc: string | undefined;
  /** The paths through tun of a run with pair cells; else none. */
  readonly tunPaths: readonly TunPath[];
}

/** What played the guests of stream cells. */
export interface StreamGuests {
  /** The kernel's release. */
  readonly kernel: string;
  readonly kvm: boolean;
  readonly vhost: boolean;
  /** Vulnerabilities that its kernel mitigates, by its names. */
  readonly mitigated: readonly string[];
  /** The host's usual one, on each queue. */
  readonly qdisc: string;
}

export const REPORT_SCHEMA = 1;

export interface BenchReport {
  readonly schema: typeof REPORT_SCHEMA;
  readonly version: string;
  readonly kernel: string;
  readonly cpus: number;
  readonly seconds: number;
  readonly repeats: number;
  /** Bytes of pktgen's packets. */
  readonly packetSize: number;
  /** Packets. */
  readonly ring: number;
  readonly pinnedTo: number;
  /** Another agent watched meanwhile, and every packet paid for it too. */
  readonly agentRuns: boolean;
  readonly host: BenchHost;
  /** The guests of a run with stream cells; undefined: none started. */
  readonly guests?: StreamGuests | undefined;
  readonly results: readonly CellResult[];
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    least: at(0),
    most: at(sorted.length - 1),
  };
}

/** The seconds of a stream: iperf3 takes whole ones. */
export function wholeSeconds(seconds: number): number {
  return Math.max(1, Math.ceil(seconds));
}

/** A count of each repeat, per second. */
export function perSecond(runs: readonly Run[], count: (run: Run) => number): Spread {
  return spread(runs.map((run) => count(run) / run.seconds));
}

export function disagreements({ results }: Pick<BenchReport, 'results'>): readonly string[] {
  return results.flatMap(({ cell, runs }) =>
    runs.flatMap((run, index) => run.disagreements.map((text) => `${cell.id}, repeat ${index + 1}: ${text}`)),
  );
}
