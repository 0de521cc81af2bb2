// SPDX-License-Identifier: Apache-2.0
// How often queues joined and left each device: who leaves is counted, who joined follows from how many there are.
import type { DeviceSums } from '../probes/rows.ts';
import type { WalkedDevice } from '../probes/walk.ts';
import type { QueueChanges } from '../snapshot.ts';

interface Known {
  /** What would be attached if nobody had joined since it was first seen, plus who had left before. */
  readonly base: number;
  joined: number;
}

export class QueueChangeBooks {
  readonly #devices = new Map<bigint, Known>();

  /** `sums` were read before the walk. */
  update({ id, queues }: Pick<WalkedDevice, 'id' | 'queues'>, sums: DeviceSums): QueueChanges {
    const left = sums.get(0)?.events.get('queueLeft') ?? 0;
    const attached = queues.filter(({ detached }) => !detached).length;
    const known = this.#devices.get(id) ?? { base: attached + left, joined: 0 };
    this.#devices.set(id, known);
    // One that left between the two is not yet counted: the figure waits for it.
    known.joined = Math.max(known.joined, attached + left - known.base);
    return { joined: known.joined, left };
  }

  forget(present: ReadonlySet<bigint>): void {
    for (const id of this.#devices.keys()) if (!present.has(id)) this.#devices.delete(id);
  }
}
