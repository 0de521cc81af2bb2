// SPDX-License-Identifier: Apache-2.0
// Devices that were deleted: what became of their packets, from the first to the last.
import type { OtherDrop, RefusedWrites, UncountedLoss } from './device.ts';
import type { Owner } from './owner.ts';
import type { ReasonCount } from './queue.ts';

/** Packets of one device, or of several, since the agent watches them. */
export interface EndedCounts {
  /** undefined: nothing counted what was offered. */
  readonly offered: number | undefined;
  /** To the guest or reader. */
  readonly delivered: number;
  /** From the guest or writer, and passed on to the host. */
  readonly received: number;
  /** By tun. */
  readonly dropped: readonly ReasonCount[];
  readonly droppedBefore: readonly OtherDrop[];
  /** Lost without a trace in the kernel's counters. */
  readonly uncounted: readonly UncountedLoss[];
  /** From the guest or writer, freed by tun. */
  readonly receiveDropped: readonly OtherDrop[];
  /** undefined: not measured. */
  readonly refused: readonly RefusedWrites[] | undefined;
  /** Packets by which the equations do not add up: what became of them is not known. */
  readonly unaccounted: number;
}

export interface EndedDevice {
  readonly netns: number;
  /** '': nothing told it. */
  readonly name: string;
  readonly kind: 'tap' | 'tun';
  readonly id: string;
  readonly owner: Owner | undefined;
  /** Unix time, seconds. */
  readonly endedAt: number;
  /** Seconds from the last look without it to its end; undefined: it was there before the agent. */
  readonly livedAtMost: number | undefined;
  /** Seconds from the first look that saw it to the last; undefined: none did. */
  readonly seenFor: number | undefined;
  readonly counts: EndedCounts;
  /** Why its figures are not exact; empty: they are. One short sentence each. */
  readonly degraded: readonly string[];
}

/** All devices that have ended since the agent began. */
export interface Ended {
  /** Devices by whether a look saw them while they lived. */
  readonly seen: number;
  readonly unseen: number;
  /** The part of both whose figures are not exact. */
  readonly inexact: number;
  readonly counts: EndedCounts;
  /** The newest last. */
  readonly latest: readonly EndedDevice[];
}
