// SPDX-License-Identifier: Apache-2.0
// How often queues joined and left each device: counted by a probe where one can be attached, else by what the walk finds.
import type { DeviceSums } from '../probes/rows.ts';
import type { WalkedDevice } from '../probes/walk.ts';
import type { QueueChanges } from '../snapshot.ts';

interface Known {
  /** Queues attached when the device was first seen, plus those that had left before. */
  readonly base: number;
  joined: number;
}

/** By the probe of queues that leave; those that join follow from how many there are. */
export class QueueChangeBooks {
  readonly #devices = new Map<bigint, Known>();

  /** `sums` were read before the walk. */
  update({ id, queues }: Pick<WalkedDevice, 'id' | 'queues'>, sums: DeviceSums): QueueChanges {
    const left = sums.get(0)?.events.get('queueLeft') ?? 0;
    const attached = attachedIn(queues);
    const known = this.#devices.get(id) ?? { base: attached + left, joined: 0 };
    this.#devices.set(id, known);
    // A queue that left between the two is not yet counted: the figure waits for it.
    known.joined = Math.max(known.joined, attached + left - known.base);
    return { joined: known.joined, left };
  }

  forget(present: ReadonlySet<bigint>): void {
    forgetAbsent(this.#devices, present);
  }
}

/** A device at a walk. */
interface Walked {
  readonly attached: number;
  /** undefined: this kernel has no sysfs. */
  readonly changes: number | undefined;
  readonly carrierUps: number;
  readonly holders: string;
}

interface Watched {
  readonly opening: Walked;
  last: Walked;
  /** Queues that joined or left beside another one. */
  beside: QueueChanges;
  /** Queues that came when none was attached, and that left none behind. */
  alone: QueueChanges;
}

/** What a walk says of the queues of one device. */
export interface SeenChanges {
  /** Since the device was first seen; undefined: this kernel has no sysfs. */
  readonly total: QueueChanges | undefined;
  /** A queue joined or left since the walk before. */
  readonly changed: boolean;
}

const NONE: QueueChanges = { joined: 0, left: 0 };

/**
 * Without a probe: by the kernel's own count of the queues' objects in sysfs, and by the carrier, which goes with the last queue and
 * comes with the first. Both are silent when the only attached queue is detached and attached again, and when it is closed and opened
 * again beside detached ones; then the addresses of the new file tell, if they differ from those of the old.
 */
export class WalkedQueueChanges {
  readonly #devices = new Map<bigint, Watched>();

  update(walked: Pick<WalkedDevice, 'id' | 'queues' | 'carrierUps' | 'queueChanges'>): SeenChanges {
    const { id, queues, carrierUps, queueChanges: changes } = walked;
    const now = { attached: attachedIn(queues), changes, carrierUps, holders: queues.map(holderOf).join(' ') };
    const watched = this.#devices.get(id) ?? { opening: now, last: now, beside: NONE, alone: NONE };
    const { opening, last } = watched;
    this.#devices.set(id, watched);
    watched.beside = besideSince(opening, now, watched.beside);
    watched.alone = sumOf(watched.alone, aloneSince(last, now));
    watched.last = now;
    const changed = last.holders !== now.holders || last.changes !== now.changes || last.carrierUps !== now.carrierUps;
    return { total: changes === undefined ? undefined : sumOf(watched.beside, watched.alone), changed };
  }

  forget(present: ReadonlySet<bigint>): void {
    forgetAbsent(this.#devices, present);
  }
}

/** A walk in the middle of a change has half of it: the change counts with the next walk. */
function besideSince(opening: Walked, now: Walked, known: QueueChanges): QueueChanges {
  const changes = (now.changes ?? 0) - (opening.changes ?? 0);
  // The object of the first queue stays when its queue leaves.
  const more = Math.max(1, now.attached) - Math.max(1, opening.attached);
  return {
    joined: Math.max(known.joined, Math.floor((changes + more) / 2)),
    left: Math.max(known.left, Math.floor((changes - more) / 2)),
  };
}

/** The least that can have happened between two walks. */
function aloneSince(last: Walked, now: Walked): QueueChanges {
  const joined = Math.max(now.carrierUps - last.carrierUps, last.attached === 0 && now.attached > 0 ? 1 : 0);
  return { joined, left: joined + Math.min(1, last.attached) - Math.min(1, now.attached) };
}

function holderOf({ index, tunFile, file, detached }: WalkedDevice['queues'][number]): string {
  return `${detached ? 'detached' : index} ${tunFile} ${file}`;
}

function attachedIn(queues: WalkedDevice['queues']): number {
  return queues.filter(({ detached }) => !detached).length;
}

function sumOf(one: QueueChanges, other: QueueChanges): QueueChanges {
  return { joined: one.joined + other.joined, left: one.left + other.left };
}

function forgetAbsent(devices: Map<bigint, unknown>, present: ReadonlySet<bigint>): void {
  for (const id of devices.keys()) if (!present.has(id)) devices.delete(id);
}
