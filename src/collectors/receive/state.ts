// SPDX-License-Identifier: Apache-2.0
// The part of a snapshot past the transmit function: packets from the guest or writer, macvtaps, redirected frames.
import type { OtherDrop } from '../../snapshot.ts';

/** Writes from the guest or writer that the kernel refused with one errno. */
export interface RefusedWrites {
  readonly errno: string;
  readonly writes: number;
}

/** Packets from the guest or writer to the host that the kernel's own counters do not tell. undefined: not measured. */
export interface Receive {
  readonly dropped: readonly OtherDrop[] | undefined;
  /** tun passed them on, and the host's own stack freed them: firewall, rp_filter, no route, XDP behind tun, unknown protocol. */
  readonly refusedByHost?: readonly OtherDrop[] | undefined;
  /** Ids of the XDP programs that see what the guest or writer sends: in tun, and behind it (generic); 0: none. */
  readonly xdp?: { readonly native: number; readonly generic: number } | undefined;
  readonly refused: readonly RefusedWrites[] | undefined;
  /** Packets with a virtio-net header that tun could not follow. */
  readonly frameErrors: number | undefined;
}

/** Packets of a macvtap or ipvtap; its receive side is the way towards the guest or reader. */
export interface Macvtap {
  /** Packets, including those dropped. */
  readonly offered: number;
  readonly dropped: readonly OtherDrop[];
  /** undefined: not measured. */
  readonly delivered: number | undefined;
  /** Packets from the guest or writer. */
  readonly written: number;
}

/** XDP frames that were redirected into a ring. */
export interface Redirected {
  readonly enqueued: number;
  readonly lost: number;
}

/** Packets that are lost and that no counter of the kernel's has. */
export interface UncountedLoss {
  readonly cause: string;
  readonly packets: number;
}
