// SPDX-License-Identifier: Apache-2.0
// E5 of docs/accounting.md: all queues of a device together show no more deliveries than the kernel counts for the device.

import { sumOf } from '../engine/queue-sums.ts';
import { MARKED_SECONDS } from '../snapshot/device.ts';

/** What the accounts of one queue offer to show. */
export interface Proposal {
  readonly delivered: number;
  /** Packets by which the last reading was ahead of what is shown as delivered; negative: behind it. */
  readonly ahead: number;
  /** The device's counters allow what this queue proposes. */
  deliver(): void;
  /** Tells that `packets` more left by this index than were offered to it. */
  shift(packets: number): void;
}

export class Deliveries {
  #count = 0;
  #packets = 0;
  #at = Number.NEGATIVE_INFINITY;
  #changedAt = Number.NEGATIVE_INFINITY;

  /**
   * `most`: packets that all queues together may show. `counted`: programs count what leaves each queue. `changed`: queues joined or left
   * since the sample before. `drained`: nothing moves or waits, and arithmetic alone tells what each queue delivered, so that what one queue
   * has too much is what another lacks.
   */
  update(
    queues: readonly Proposal[],
    {
      most,
      counted,
      changed,
      drained,
    }: { readonly most: number; readonly counted: boolean; readonly changed: boolean; readonly drained: boolean },
    nowSeconds: number,
  ): void {
    if (changed) this.#changedAt = nowSeconds;
    const room = Math.max(0, most - sumOf(queues.map(({ delivered }) => delivered)));
    const more = queues.filter(({ ahead }) => ahead > 0);
    const excess = sumOf(more.map(({ ahead }) => ahead)) - room;
    if (excess <= 0) {
      this.#count = 0;
      for (const one of queues) one.deliver();
      return;
    }
    this.#count++;
    this.#packets = excess;
    // A single sample may find a packet that a reader has taken and the kernel has not counted yet: it is no other queue's.
    const moved = this.#count > 1 || nowSeconds - this.#changedAt < MARKED_SECONDS;
    if (moved && !counted && queues.length > 1) this.#at = nowSeconds;
    const less = queues.filter(({ ahead }) => ahead < 0);
    if (!drained || -sumOf(less.map(({ ahead }) => ahead)) !== excess) return;
    exchange(less, more, excess);
    for (const one of queues) one.deliver();
    // Several queues took part, and none of the counters tells how many packets came from which.
    this.#at = more.length === 1 || room === 0 ? Number.NEGATIVE_INFINITY : nowSeconds;
    this.#count = 0;
  }

  /** `patience`: snapshots in a row that must show a difference before it is reported. */
  sentences(patience: number, nowSeconds: number): readonly string[] {
    if (this.#count >= patience)
      return [
        `${this.#packets} packets left by another queue than they were offered to: what single queues delivered stands still`,
      ];
    const ago = nowSeconds - this.#at;
    if (this.#count > 0 || ago >= MARKED_SECONDS) return [];
    const last = `${Math.round(ago)} s ago`;
    return [`of single queues, up to ${this.#packets} delivered packets may be another queue’s, the last ${last}`];
  }
}

function exchange(less: readonly Proposal[], more: readonly Proposal[], excess: number): void {
  let left = excess;
  for (const one of less) one.shift(-one.ahead);
  for (const one of more) {
    const part = Math.min(one.ahead, left);
    one.shift(-part);
    left -= part;
  }
}
