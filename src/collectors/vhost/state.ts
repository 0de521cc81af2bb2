// SPDX-License-Identifier: Apache-2.0
// vhost-net's part of a queue in a snapshot.

/** The thread that moves a queue's packets for vhost-net. */
export interface Worker {
  readonly tid: number;
  readonly comm: string;
  /** The CPU on which the thread runs, or ran last. */
  readonly cpu: number;
  /** CPU time since it began. */
  readonly seconds: number;
}

/** vhost-net on a queue, now or before. undefined: it is gone, or not measured. */
export interface Vhost {
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
