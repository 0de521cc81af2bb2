// SPDX-License-Identifier: Apache-2.0
// Queues that changed their index with packets in their rings or with a backend: until those have left, counters by index do not
// fit what lies there.
import type { WalkedQueue } from '../engine/walk.ts';
import { heldOf } from './queue-reading.ts';

/** A count of the whole device, read before and after a walk. */
export interface Count {
  readonly before: number;
  readonly after: number;
}

interface Changes {
  /** Packets that the backend had ever given back. */
  readonly unproduced: Count;
  /** How often a queue had taken the index of one that left. */
  readonly moved: Count;
  /** Queues joined or left since the walk before: each ring may have another index than its packets were offered to. */
  readonly seen?: boolean;
}

export class Renumbering {
  #rings = new Map<bigint, WalkedQueue>();
  /** Unproduced packets at the last reading, before its walk. */
  #unproduced = 0;
  #moved = 0;
  /** Packets that were in a ring or held at the renumbering and may be there still, by address of its tun_file. */
  readonly #old = new Map<bigint, number>();

  /** The device's attached queues, in every walk. Answers whether a queue has moved, or packets of another index are still there. */
  update(queues: readonly WalkedQueue[], changes: Changes): boolean {
    const { unproduced } = changes;
    // One that came, or had its index back, between two samples shows none of its moves.
    const unseen = queues.length > 0 && (changes.seen || changes.moved.after !== this.#moved);
    const moved = unseen || queues.some(({ tunFile, index }) => (this.#rings.get(tunFile)?.index ?? index) !== index);
    const givenBack = unproduced.after !== this.#unproduced;
    this.#unproduced = unproduced.before;
    this.#moved = changes.moved.before;
    for (const queue of queues) this.#settle(queue, moved, givenBack);
    this.#rings = new Map(queues.map((queue) => [queue.tunFile, queue]));
    for (const file of this.#old.keys()) if (!this.#rings.has(file)) this.#old.delete(file);
    return moved || this.#old.size > 0;
  }

  /** First in, first out: what has been delivered since was old. */
  #settle(queue: WalkedQueue, moved: boolean, givenBack: boolean): void {
    const { tunFile, occupancy } = queue;
    const before = this.#rings.get(tunFile);
    const there = occupancy + heldOf(queue);
    const left = before && !givenBack ? leftSince(before, queue) : 0;
    const old = moved ? there : Math.min((this.#old.get(tunFile) ?? 0) - left, there);
    if (old > 0) this.#old.set(tunFile, old);
    else this.#old.delete(tunFile);
  }
}

/** Modulo a lap: less than was delivered, never more. A resize starts the indices anew, what is given back sets them back. */
function leftSince(before: WalkedQueue, now: WalkedQueue): number {
  const { capacity } = now;
  if (before.capacity !== capacity) return 0;
  const taken = (now.consumerHead - before.consumerHead + capacity) % capacity;
  return Math.max(0, taken + heldOf(before) - heldOf(now));
}
