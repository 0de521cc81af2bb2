// SPDX-License-Identifier: Apache-2.0
// The vocabulary of `tapscope bench`: what is measured, what came of it, and the medians of repeats. Pure data.

export const READERS = ['tap', 'vhost'] as const;
/**
 * What happens to a sender that is faster than the reader. tail-drop: packets are lost, an fq_codel is there and never used;
 * backpressure: with IFF_BACKPRESSURE and an fq_codel the queue stops, and pktgen waits; no-qdisc: with IFF_BACKPRESSURE and
 * without a qdisc, where the flag does nothing; through-qdisc: as backpressure, but the packets go through the fq_codel.
 */
export const FLOWS = ['tail-drop', 'backpressure', 'no-qdisc', 'through-qdisc'] as const;
export type FlowCase = (typeof FLOWS)[number];

/** pktgen as the kernel's samples set it: sample01 sends many flows; sample03 one flow in bursts of one packet, without timestamps. */
export const SHAPES = ['sample01', 'sample03'] as const;
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
  readonly shape: PktgenShape;
}

/** A guest of vhost-net sends messages to the host, which lets go of them at once. */
export interface MessageCell {
  readonly kind: 'message';
  readonly id: string;
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

export type Cell = SendCell | MessageCell | PairCell;

/** What `perf stat` shows, of one or more threads; undefined: this machine has no such counter. */
export interface ThreadCounts {
  readonly taskClockNs: number | undefined;
  readonly contextSwitches: number | undefined;
  readonly migrations: number | undefined;
  readonly cycles: number | undefined;
  readonly instructions: number | undefined;
}

/** What perf counted in a send cell, while pktgen sent. */
export interface PerfRun {
  readonly seconds: number;
  /** pktgen's threads. */
  readonly sender: ThreadCounts;
  /** The threads of the program that reads, or vhost-net's workers. */
  readonly reader: ThreadCounts;
}

/** One repeat of a cell. Packets by the agent's counters. */
export interface Run {
  readonly seconds: number;
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
  /** Times that pktgen hands over each packet at once; undefined: of no send cell. */
  readonly burst?: number | undefined;
  readonly perf?: PerfRun | undefined;
  /** Packets that a reader got, freed on the CPU that had allocated them, or on another; undefined: not measured. */
  readonly freed?: { readonly there: number; readonly elsewhere: number } | undefined;
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

/** The documents whose tables `--table` repeats. */
export const DOCUMENTS = ['v7', 'v8', 'zero-copy', 'napi'] as const;
export type DocumentName = (typeof DOCUMENTS)[number];

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
  /** The paths through tun of a run with pair cells; else none. */
  readonly tunPaths: readonly TunPath[];
}

export interface BenchReport {
  readonly schema: 1;
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

/** A count of each repeat, per second. */
export function perSecond(runs: readonly Run[], count: (run: Run) => number): Spread {
  return spread(runs.map((run) => count(run) / run.seconds));
}

export function disagreements({ results }: BenchReport): readonly string[] {
  return results.flatMap(({ cell, runs }) =>
    runs.flatMap((run, index) => run.disagreements.map((text) => `${cell.id}, repeat ${index + 1}: ${text}`)),
  );
}
