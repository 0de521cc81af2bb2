// SPDX-License-Identifier: Apache-2.0
// Packets by the CPU on which something happened to them: the one where they came from, or another.

/** Packets, of one in 256, that found the reader asleep and left it awake, by the CPU on which it then was. */
export interface Wakeups {
  /** The one that sent the packet. */
  readonly there: number;
  readonly elsewhere: number;
}

/** Packets that the reader got, by the CPU that allocated them. */
export interface Freed {
  /** Packets freed on that CPU. */
  readonly there: number;
  readonly elsewhere: number;
  /** Packets given back to that CPU, which frees them later; undefined: not measured. */
  readonly deferred?: number | undefined;
}
