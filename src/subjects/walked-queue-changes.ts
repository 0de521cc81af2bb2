// SPDX-License-Identifier: Apache-2.0
// Queues that joined and left each device, without a probe: by what two walks find.
import type { WalkedDevice } from '../engine/walk.ts';
import type { QueueChanges } from '../snapshot/device.ts';

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
interface SeenChanges {
  /** Since the device was first seen; undefined: this kernel has no sysfs. */
  readonly total: QueueChanges | undefined;
  /** Since the walk before, a queue may have come and have taken another one's index: no walk saw it where it was. */
  readonly changed: boolean;
}

const NONE: QueueChanges = { joined: 0, left: 0 };

/**
 * Without a probe: by the kernel's own count of the queues' objects in sysfs, and by the carrier. The carrier goes with the last queue
 * and comes with the first. Both are silent when the only attached queue is detached and attached again, and when it is closed and opened
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
    const { beside } = watched;
    watched.beside = besideSince(opening, now, beside);
    watched.alone = sumOf(watched.alone, aloneSince(last, now));
    watched.last = now;
    const changed = last === now ? leftBefore(now) : mayHaveMoved(watched, beside, last);
    return { total: changes === undefined ? undefined : sumOf(watched.beside, watched.alone), changed };
  }

  forget(present: ReadonlySet<bigint>): void {
    for (const id of this.#devices.keys()) if (!present.has(id)) this.#devices.delete(id);
  }
}

/** More queues came before the first walk than there are: some left. */
function leftBefore({ changes, attached }: Walked): boolean {
  return changes !== undefined && changes > Math.max(1, attached);
}

/**
 * Only queues that leave move others, and what was there at both walks is known by its address: where none joined, all of them were. A
 * device's only queue always has index 0.
 */
function mayHaveMoved({ last: now, beside }: Watched, before: QueueChanges, last: Walked): boolean {
  if (now.changes === undefined) return now.holders !== last.holders;
  if (isHalf(now)) return !areJoining(last, now);
  return beside.joined > before.joined && beside.left > before.left;
}

/** A queue has joined that sysfs does not have yet (tun_attach). All other changes since the last walk joined too. */
function areJoining(last: Walked, now: Walked): boolean {
  const changes = (now.changes ?? 0) - (last.changes ?? 0);
  return !isHalf(last) && moreQueues(last, now) === changes + 1;
}

/** The walk came in the middle of a change: else each queue that joined is there, or left again. */
function isHalf({ changes, attached }: Walked): boolean {
  return ((changes ?? 0) + Math.max(1, attached)) % 2 !== 0;
}

/** The object of the first queue stays when its queue leaves. */
function moreQueues(opening: Walked, now: Walked): number {
  return Math.max(1, now.attached) - Math.max(1, opening.attached);
}

/** A walk in the middle of a change has half of it: the change counts with the next walk. */
function besideSince(opening: Walked, now: Walked, known: QueueChanges): QueueChanges {
  const changes = (now.changes ?? 0) - (opening.changes ?? 0);
  const more = moreQueues(opening, now);
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

export function attachedIn(queues: WalkedDevice['queues']): number {
  return queues.filter(({ detached }) => !detached).length;
}

function sumOf(one: QueueChanges, other: QueueChanges): QueueChanges {
  return { joined: one.joined + other.joined, left: one.left + other.left };
}
