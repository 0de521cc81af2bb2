// SPDX-License-Identifier: Apache-2.0
// How often queues joined and left each device: counted by a probe where one can be attached, else by what the walk finds.
import type { Probes } from '../../engine/attach.ts';
import type { DeviceSums } from '../../engine/queue-sums.ts';
import type { WalkedDevice } from '../../engine/walk.ts';
import type { QueueChanges } from '../../snapshot/device.ts';
import { attachedIn, type SeenChanges, WalkedQueueChanges } from './walked.ts';

interface Known {
  /** Queues attached when the device was first seen, plus those that had left before. */
  readonly base: number;
  joined: number;
}

export class QueueChangeBooks {
  readonly #counted = new Map<bigint, Known>();
  readonly #walked = new WalkedQueueChanges();

  /** `sums` were read before the walk. */
  update({ can }: Pick<Probes, 'can'>, walked: WalkedDevice, sums: DeviceSums): SeenChanges {
    const seen = this.#walked.update(walked);
    // The probe counts moves too.
    if (can('leavings')) return { total: this.#count(walked, sums), changed: false };
    return { ...seen, total: can('changes') ? seen.total : undefined };
  }

  forget(present: ReadonlySet<bigint>): void {
    this.#walked.forget(present);
    for (const id of this.#counted.keys()) if (!present.has(id)) this.#counted.delete(id);
  }

  /** Queues that leave; those that join follow from how many there are. */
  #count({ id, queues }: WalkedDevice, sums: DeviceSums): QueueChanges {
    const left = sums.get(0)?.events.get('queueLeft') ?? 0;
    const attached = attachedIn(queues);
    const known = this.#counted.get(id) ?? { base: attached + left, joined: 0 };
    this.#counted.set(id, known);
    // A queue that left between the two is not yet counted: the figure waits for it.
    known.joined = Math.max(known.joined, attached + left - known.base);
    return { joined: known.joined, left };
  }
}
