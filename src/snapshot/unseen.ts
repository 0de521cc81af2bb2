// SPDX-License-Identifier: Apache-2.0
// Packets that only the kernel's own counters show.

/** A mark ends this long after the last packet that was not seen. */
export const MARKED_SECONDS = 30;

/** Packets that the kernel's own counters prove and no program of ours saw: the kernel skipped it, or they came past it. */
export interface UnseenPackets {
  /** Entered a ring. A device of one queue has them in its figures; of several queues, the device alone. */
  readonly enqueued: number;
  /** Dropped by tun (tx_dropped), and explained by no other loss; UNTRACED where there is one queue. */
  readonly dropped: number;
  /** While single queues of several are marked for lacking them: why, in a sentence. The device’s own figures are exact. */
  readonly split?: string | undefined;
}
