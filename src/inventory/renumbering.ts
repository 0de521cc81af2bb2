// SPDX-License-Identifier: Apache-2.0
// Queues that changed their index with packets in their rings: until those have left, counters by index do not fit the rings.
import type { WalkedQueue } from '../probes/walk.ts';

interface Ring {
  readonly index: number;
  readonly capacity: number;
  readonly consumerHead: number;
}

export class Renumbering {
  #rings = new Map<bigint, Ring>();
  /** Packets that were in a ring at the renumbering and may be in it still, by address of its tun_file. */
  readonly #old = new Map<bigint, number>();

  /** The device's attached queues, in every walk. Answers whether one has moved, or packets of another index are still in a ring. */
  update(queues: readonly WalkedQueue[]): boolean {
    const moved = queues.some(({ tunFile, index }) => (this.#rings.get(tunFile)?.index ?? index) !== index);
    for (const queue of queues) this.#settle(queue, moved);
    this.#rings = new Map(queues.map((queue) => [queue.tunFile, queue]));
    for (const file of this.#old.keys()) if (!this.#rings.has(file)) this.#old.delete(file);
    return moved || this.#old.size > 0;
  }

  /** A ring is first in, first out: what has been taken out of it since was old. */
  #settle({ tunFile, occupancy, capacity, consumerHead }: WalkedQueue, moved: boolean): void {
    const before = this.#rings.get(tunFile);
    // Modulo a lap: less than was taken, never more. A resize starts the indices anew.
    const taken =
      before && before.capacity === capacity ? (consumerHead - before.consumerHead + capacity) % capacity : 0;
    const old = moved ? occupancy : Math.min((this.#old.get(tunFile) ?? 0) - taken, occupancy);
    if (old > 0) this.#old.set(tunFile, old);
    else this.#old.delete(tunFile);
  }
}
