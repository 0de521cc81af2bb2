// SPDX-License-Identifier: Apache-2.0
// What the walk sees of vhost-net behind a queue.

export interface WalkedVhost {
  /** Packets that it has taken out of the ring and not delivered. */
  readonly held: number;
  /** Packets of the guest that are on their way without having been copied; undefined: it copies all. */
  readonly outstanding: number | undefined;
  /** undefined: it has ended. */
  readonly worker: WalkedWorker | undefined;
}

export interface WalkedWorker {
  readonly tid: number;
  readonly comm: string;
  /** The CPU on which the worker runs, or ran last. */
  readonly cpu: number;
  /** CPU time since it began. */
  readonly seconds: number;
}
