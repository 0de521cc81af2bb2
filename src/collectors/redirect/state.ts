// SPDX-License-Identifier: Apache-2.0
// Frames that XDP redirects into a queue's ring, past the transmit function.

/** Frames of one queue. */
export interface RedirectCount {
  readonly queue: number;
  readonly enqueued: number;
  /** No room in the ring. */
  readonly lost: number;
  /** Calls that lost some: so many of `lost` are in the kernel's tx_dropped. */
  readonly shortCalls: number;
  readonly purged: number;
  readonly resized: number;
}
