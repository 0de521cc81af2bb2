// SPDX-License-Identifier: Apache-2.0
// How each queue's full and stopped time was spent: sums over all the files that were its queue, one after the other.

import { IFF_UP, type WalkedDevice, type WalkedQueue } from '../engine/walk.ts';
import type { Identity } from '../snapshot/owner.ts';
import type { Reader, Rival } from '../snapshot/queue.ts';

export interface ReaderRead {
  /** false: the same slot may say something else later without having been written. */
  readonly lasting: boolean;
  /** No two slots' lives have the same. */
  readonly born: number;
  /** undefined: none was seen, or several take turns. */
  readonly thread: number | undefined;
  /** Seconds in which the queue was full or stopped, in the order of `states`. */
  readonly seconds: readonly number[];
  /** Seconds between two samples that found it full or stopped, in which it perhaps was not. */
  readonly uncertain: number;
  /** Looks that found it waiting for a CPU. */
  readonly waitingLooks: number;
  readonly rivals: readonly RivalRead[];
}

/** A process that had the CPU for which a reader waited. */
export interface RivalRead {
  readonly pid: number;
  /** Nanoseconds since boot. */
  readonly started: bigint;
  readonly comm: string;
  readonly looks: number;
}

/** The slots in which the programs keep what they know of readers. */
interface Slots {
  /** running, waiting, … */
  readonly states: readonly string[];
  read(slot: number): ReaderRead;
  /** Nothing in the slot was written since it was read. */
  isAsRead(slot: number): boolean;
}

type SeenQueue = Pick<WalkedQueue, 'index' | 'detached' | 'reader'>;

/** The parts of a WalkedDevice that matter here. */
export interface SeenDevice extends Pick<WalkedDevice, 'id' | 'deviceFlags'> {
  readonly queues: readonly SeenQueue[];
}

interface DeviceTimes {
  /** Seconds by state, and those that are uncertain as the last, by queue index. */
  readonly queues: Map<number, number[]>;
  /** The times already in `queues`, by birth of each open file's slot; the file may have had another index then. */
  counted: ReadonlyMap<number, readonly number[]>;
  updatedMs: number;
  /** The same readers say the same again, as long as nothing is written about them. */
  lasting: boolean;
}

/** A snapshot that came late says little of the time before it; over its budget the agent takes one every two seconds. */
const LONGEST_GAP_SECONDS = 3;

export class ReaderTimes {
  readonly #readers: Slots;
  readonly #devices = new Map<bigint, DeviceTimes>();
  readonly #gone: number;
  readonly #identityOf: (rival: RivalRead) => Identity | undefined;

  /** `identityOf`: whose a process is, as far as that is known by then. */
  constructor(readers: Slots, identityOf: (rival: RivalRead) => Identity | undefined = () => undefined) {
    this.#readers = readers;
    this.#identityOf = identityOf;
    this.#gone = readers.states.indexOf('gone');
  }

  /** Once a snapshot: by queue index, of attached queues and of those that were. */
  update(device: SeenDevice): ReadonlyMap<number, Reader> {
    const now = performance.now();
    const times = this.#devices.get(device.id) ?? newTimes(now);
    this.#devices.set(device.id, times);
    const attached = attachedOf(device);
    const elapsed = Math.min((now - times.updatedMs) / 1000, LONGEST_GAP_SECONDS);
    times.updatedMs = now;
    // Its reader has closed the file, and there is no ring that could be full.
    if (isWithoutReader(device))
      for (const seconds of times.queues.values()) seconds[this.#gone] = (seconds[this.#gone] ?? 0) + elapsed;
    const reads = this.#count(times, attached);
    times.lasting =
      (!isWithoutReader(device) || times.queues.size === 0) && [...reads.values()].every(({ lasting }) => lasting);
    return new Map([...times.queues].map(([index, seconds]) => [index, this.#readerOf(reads.get(index), seconds)]));
  }

  /** What update() answered holds until something is written about one of the readers. */
  isLasting(device: bigint): boolean {
    return this.#devices.get(device)?.lasting ?? false;
  }

  /** Instead of update(), once a snapshot: true if the answer would be the same as last time. `device` has not changed since. */
  isAsUpdated(device: SeenDevice): boolean {
    const times = this.#devices.get(device.id);
    if (!times?.lasting) return false;
    if (
      !device.queues.every(({ detached, reader }) => detached || reader === undefined || this.#readers.isAsRead(reader))
    )
      return false;
    times.updatedMs = performance.now();
    return true;
  }

  /** Devices that are gone. */
  forget(present: ReadonlySet<bigint>): void {
    for (const id of this.#devices.keys()) if (!present.has(id)) this.#devices.delete(id);
  }

  /** Answers what was read of each queue. */
  #count(times: DeviceTimes, attached: readonly SeenQueue[]): ReadonlyMap<number, ReaderRead> {
    const reads = new Map<number, ReaderRead>();
    const counted = new Map<number, readonly number[]>();
    for (const { index, reader: slot } of attached) {
      if (slot === undefined) continue;
      const read = this.#readers.read(slot);
      const { born } = read;
      const seconds = [...read.seconds, read.uncertain];
      const before = times.counted.get(born);
      const sums = times.queues.get(index) ?? seconds.map(() => 0);
      times.queues.set(
        index,
        sums.map((sum, state) => sum + (seconds[state] ?? 0) - (before?.[state] ?? 0)),
      );
      counted.set(born, seconds);
      reads.set(index, read);
    }
    times.counted = counted;
    return reads;
  }

  #readerOf(read: ReaderRead | undefined, seconds: readonly number[]): Reader {
    const { states } = this.#readers;
    return {
      thread: read?.thread,
      fullSeconds: states.map((state, i) => ({ state, seconds: seconds[i] ?? 0 })),
      uncertainSeconds: seconds[states.length] ?? 0,
      ...(read && read.waitingLooks > 0 && { waitingLooks: read.waitingLooks, rivals: this.#named(read.rivals) }),
    };
  }

  #named(rivals: readonly RivalRead[]): readonly Rival[] {
    return rivals.map((rival) => {
      const { pid, comm, looks } = rival;
      return { pid, comm, looks, identity: this.#identityOf(rival) };
    });
  }
}

function newTimes(now: number): DeviceTimes {
  return { queues: new Map(), counted: new Map(), updatedMs: now, lasting: false };
}

function attachedOf({ queues }: SeenDevice): readonly SeenQueue[] {
  return queues.filter(({ detached }) => !detached);
}

/** The device's packets wait for a reader, and time passes. */
function isWithoutReader(device: SeenDevice): boolean {
  return attachedOf(device).length === 0 && (device.deviceFlags & IFF_UP) !== 0;
}
