// SPDX-License-Identifier: Apache-2.0
// Drops that no program saw, and that may be among the packets that entered: where fentry counts, what is not dropped has entered.
import { type DeviceSums, sumOf } from '../engine/queue-sums.ts';
import type { QueueAccounting } from './queue-accounting.ts';
import { LastingBound } from './unseen.ts';

/** How many packets too many are counted among those that entered, by E1: at least `least`, at most `most`. */
interface Bounds {
  readonly least: number;
  readonly most: number;
}

export class Misplaced {
  #packets = 0;
  /** Counted as packets that entered, for certain, and not yet taken from the accounts of the queue that has them. */
  #ofNoQueue = 0;
  readonly #tooMany = new LastingBound();

  /** Drops settled as UNTRACED. It is not known yet whether they were counted as packets that entered. */
  get packets(): number {
    return this.#packets;
  }

  /**
   * `untraced`: drops settled since the last sample. Returns how many of all that are in doubt were counted as packets that entered: the
   * least that three samples in a row show, for one may miss packets that are just taken out or thrown out; at a settled device the figure itself.
   */
  update(untraced: number, { least, most }: Bounds, settled: boolean): number {
    const doubtful = this.#packets + untraced;
    const certain = this.#tooMany.update(Math.min(doubtful, least), settled);
    this.#packets = settled ? 0 : Math.min(doubtful - certain, Math.max(0, most - certain));
    return certain;
  }

  /**
   * Takes `packets` from the queues of a device, as soon as it can; returns how many it took. Where the rings are audited, the audit says at a
   * settled device which queue counted too many. Elsewhere no counter ever does: the queue that drops most has them, most likely.
   */
  take(packets: number, queues: ReadonlyMap<number, QueueAccounting>, counted: DeviceSums, settled: boolean): number {
    const all = this.#ofNoQueue + packets;
    this.#ofNoQueue = all;
    if (all === 0) return 0;
    const accounts = [...queues.values()];
    if (accounts.length === 1 || accounts.every((queue) => queue.imbalance() === undefined))
      return this.#takeFrom(worst(queues, counted), all);
    if (!settled) return 0;
    for (const queue of accounts) this.#takeFrom(queue, Math.max(0, Math.min(this.#ofNoQueue, queue.imbalance() ?? 0)));
    return all - this.#ofNoQueue;
  }

  #takeFrom(queue: QueueAccounting | undefined, packets: number): number {
    if (!queue) return 0;
    queue.miss(-packets);
    this.#ofNoQueue -= packets;
    return packets;
  }

  /** Counting begins anew. */
  restart(): void {
    this.#packets = 0;
    this.#ofNoQueue = 0;
    this.#tooMany.restart();
  }
}

/** The queue that dropped most packets. */
function worst(queues: ReadonlyMap<number, QueueAccounting>, counted: DeviceSums): QueueAccounting | undefined {
  const drops = [...queues].map(([index, queue]) => ({ queue, dropped: sumOf(counted.get(index)?.dropped ?? []) }));
  return drops.sort((a, b) => b.dropped - a.dropped)[0]?.queue;
}
