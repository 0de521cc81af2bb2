// SPDX-License-Identifier: Apache-2.0
// What the kernel's counters have more than our programs, of one device: packets that entered, or were dropped, and that no program saw.
import type { DeviceSums } from '../engine/queue-sums.ts';
import { MARKED_SECONDS, type UnseenPackets } from '../snapshot/device.ts';
import { Misplaced } from './misplaced.ts';
import type { QueueAccounting } from './queue-accounting.ts';
import { Unseen } from './unseen.ts';

/** Packets, at the least. The later two are asked for once what was missing has been given to a queue, or dropped. */
interface Differences {
  /** Left the rings or wait in them, beyond those seen to enter. */
  readonly missing: number;
  /** Dropped beyond what programs saw and losses before tun explain. */
  readonly dropped: () => number;
  /** Seen to enter, beyond those that can have left the rings or wait in them. */
  readonly tooMany: () => number;
}

interface Moment {
  /** The entry alone is seen: what is not dropped has entered. */
  readonly entries: boolean;
  readonly atRest: boolean;
  /** At rest, and each packet is known to have entered or not. */
  readonly isSettled: boolean;
  readonly nowSeconds: number;
}

export class UnseenInDevice {
  readonly #enqueued = new Unseen();
  readonly #dropped = new Unseen();
  readonly #misplaced = new Misplaced();
  readonly #untracedOf = new Map<number, number>();
  #unassigned = 0;
  #untraced = 0;
  /** When counting began, or began again, behind packets of several queues that nothing tells apart. */
  #unsplitAt = Number.NEGATIVE_INFINITY;
  #isUnsplit = false;

  /** Packets of no queue's accounts. */
  get unassigned(): number {
    return this.#unassigned;
  }

  /** Drops in the kernel's counter since the accounting began. */
  get untraced(): number {
    return this.#untraced;
  }

  /** The same of a queue that was alone, by its index. */
  get untracedOf(): ReadonlyMap<number, number> {
    return this.#untracedOf;
  }

  /** Drops that may be counted as packets that entered. */
  get doubtful(): number {
    return this.#misplaced.packets;
  }

  /** Until the first rest behind packets that nothing tells apart: they are unseen, and no error of the opening. */
  get isUnsplit(): boolean {
    return this.#isUnsplit;
  }

  /** Of one queue it is this queue's, of several the device's. */
  add(
    queues: ReadonlyMap<number, QueueAccounting>,
    counted: DeviceSums,
    { missing, dropped, tooMany }: Differences,
    { entries, atRest, isSettled, nowSeconds }: Moment,
  ): void {
    const [only, ...more] = queues.values();
    const alone = more.length === 0 ? only : undefined;
    const certain = this.#enqueued.update(missing, atRest, nowSeconds);
    if (alone) alone.miss(certain);
    else this.#unassigned += certain;
    const untraced = this.#dropped.update(dropped(), atRest, nowSeconds);
    this.#untraced += untraced;
    // Offered with the entry seen and dropped with nothing seen: it was counted among those that entered.
    const least = isSettled || !entries ? -missing : tooMany();
    const most = -this.#enqueued.least;
    const misplaced = entries ? this.#misplaced.update(untraced, { least, most }, isSettled) : 0;
    // Those that cannot be taken from one of several queues yet are the device’s.
    this.#unassigned += this.#misplaced.take(misplaced, queues, counted, isSettled) - misplaced;
    if (isSettled) for (const one of queues.values()) one.release();
    const [index] = queues.keys();
    if (alone && index !== undefined) this.#untracedOf.set(index, (this.#untracedOf.get(index) ?? 0) + untraced);
  }

  /** The level changed: the samples before were compared by another equation. */
  restart(): void {
    this.#enqueued.restart();
    this.#dropped.restart();
  }

  /** Counting begins anew against the kernel's counter of drops. */
  forgetDrops(): void {
    this.#untraced = 0;
    this.#misplaced.restart();
  }

  /** Counting begins anew against all of the kernel's counters. */
  forgetPackets(): void {
    this.#unassigned = 0;
    this.forgetDrops();
  }

  /** `came`: packets of several queues that nothing tells apart. */
  beginSplit(isUnsplit: boolean, came: boolean, nowSeconds: number): void {
    this.#isUnsplit = isUnsplit;
    if (came) this.#unsplitAt = nowSeconds;
  }

  endSplit(): void {
    this.#isUnsplit = false;
  }

  shown(hasSeveral: boolean, nowSeconds: number): UnseenPackets {
    const unassigned = Math.max(0, this.#unassigned) + (hasSeveral ? this.#untraced : 0);
    const found = Math.min(this.#enqueued.ago(nowSeconds), this.#dropped.ago(nowSeconds));
    const ago = nowSeconds - this.#unsplitAt;
    const split =
      ofUnassigned(unassigned, found) ??
      (ago < MARKED_SECONDS
        ? `until ${Math.round(ago)} s ago nothing told queues apart: single queues lack packets`
        : undefined);
    const packets = { enqueued: this.#enqueued.packets, dropped: this.#dropped.packets };
    return split === undefined ? packets : { ...packets, split };
  }
}

/** The device’s figures are the kernel’s own, those of its several queues are not. undefined: that was a while ago. */
function ofUnassigned(packets: number, agoSeconds: number): string | undefined {
  if (packets === 0 || agoSeconds >= MARKED_SECONDS) return undefined;
  const last = `the last ${Math.round(agoSeconds)} s ago`;
  return `the kernel counts ${packets} packets that our programs did not see, ${last}: single queues lack them`;
}
