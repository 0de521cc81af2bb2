// SPDX-License-Identifier: Apache-2.0
// A tap as drivers/net/tun.c makes it, in numbers: which packets lie in which ring, and where all others went. It knows what a test did
// and what the kernel's counters say, and nothing of the product.

/** Packets in a row that came in under one queue's index. */
interface Run {
  readonly index: number;
  packets: number;
}

/** A descriptor of the tap, by the name that the test gave it. */
interface Held {
  readonly id: string;
  attached: boolean;
  readonly ring: Run[];
}

/** Packets that came in under the index of one queue, by where they are. */
export interface QueueTruth {
  enqueued: number;
  dropped: number;
  delivered: number;
  purged: number;
  resized: number;
  failed: number;
}

type End = 'delivered' | 'purged' | 'resized' | 'failed';

export class TapModel {
  readonly #queues = new Map<number, QueueTruth>();
  /** The attached queues, in the order of their indices. */
  #attached: Held[] = [];
  readonly #detached: Held[] = [];
  /** Packets sent while no queue was attached. */
  withoutQueue = 0;
  /** Steps since the device came. */
  age = 0;

  get attached(): readonly string[] {
    return this.#attached.map(({ id }) => id);
  }

  get detached(): readonly string[] {
    return this.#detached.map(({ id }) => id);
  }

  /** Every queue that ever had a packet, by index. */
  get queues(): ReadonlyMap<number, QueueTruth> {
    return this.#queues;
  }

  /** Packets in the ring that has this index now. */
  waiting(index: number): number {
    return packetsIn(this.#attached[index]?.ring ?? []);
  }

  open(id: string): void {
    this.#attached.push({ id, attached: true, ring: [] });
  }

  close(id: string): void {
    this.#leave(id);
    remove(this.#detached, id);
  }

  detach(id: string): void {
    const held = this.#leave(id);
    if (held) this.#detached.push(held);
  }

  attach(id: string): void {
    const held = remove(this.#detached, id);
    if (held) this.#attached.push(held);
  }

  /** Packets sent to one queue; `refused` of them met a full ring. */
  sent(wanted: number, tried: number, refused: number): void {
    const index = this.#attached.length === 0 ? 0 : wanted % this.#attached.length;
    const held = this.#attached[index];
    if (!held) {
      this.withoutQueue += tried;
      return;
    }
    const truth = this.#truth(index);
    truth.enqueued += tried - refused;
    truth.dropped += refused;
    const last = held.ring.at(-1);
    if (last?.index === index) last.packets += tried - refused;
    else if (tried > refused) held.ring.push({ index, packets: tried - refused });
  }

  /** The next packets leave the ring, first in, first out. */
  took(id: string, packets: number, end: 'delivered' | 'failed'): void {
    this.#take(this.#attached.find((held) => held.id === id)?.ring ?? [], packets, end);
  }

  /** The oldest packets stay, as many as the ring now holds: detached queues too. */
  resize(length: number): void {
    for (const { ring } of [...this.#attached, ...this.#detached]) {
      const kept = ring.splice(0);
      let room = length;
      for (const { index, packets } of kept) {
        const stays = Math.min(room, packets);
        room -= stays;
        if (stays > 0) ring.push({ index, packets: stays });
        this.#truth(index).resized += packets - stays;
      }
    }
  }

  /** What lies in its ring is thrown out; the last queue takes its index. */
  #leave(id: string): Held | undefined {
    const index = this.#attached.findIndex((held) => held.id === id);
    const held = this.#attached[index];
    const last = this.#attached.at(-1);
    if (!held || !last) return undefined;
    this.#attached[index] = last;
    this.#attached = this.#attached.slice(0, -1);
    this.#take(held.ring, packetsIn(held.ring), 'purged');
    return held;
  }

  #take(ring: Run[], packets: number, end: End): void {
    for (let left = packets; left > 0; ) {
      const [first] = ring;
      if (!first) throw new Error(`The model has ${left} packets fewer than left the ring.`);
      const taken = Math.min(left, first.packets);
      this.#truth(first.index)[end] += taken;
      first.packets -= taken;
      left -= taken;
      if (first.packets === 0) ring.shift();
    }
  }

  #truth(index: number): QueueTruth {
    const truth = this.#queues.get(index) ?? {
      enqueued: 0,
      dropped: 0,
      delivered: 0,
      purged: 0,
      resized: 0,
      failed: 0,
    };
    this.#queues.set(index, truth);
    return truth;
  }
}

function packetsIn(ring: readonly Run[]): number {
  return ring.reduce((sum, { packets }) => sum + packets, 0);
}

function remove(from: Held[], id: string): Held | undefined {
  const at = from.findIndex((held) => held.id === id);
  return at < 0 ? undefined : from.splice(at, 1)[0];
}
