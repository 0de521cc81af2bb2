// SPDX-License-Identifier: Apache-2.0
// How each queue's full and stopped time was spent: sums over all the files that were its queue, one after the other.
import type { ReaderRead, Readers } from '../probes/readers.ts';
import type { WalkedDevice, WalkedQueue } from '../probes/walk.ts';
import type { Reader } from '../snapshot.ts';

interface QueueTimes {
  born: number;
  /** Of the present file's counts, what is in `seconds` already. */
  counted: readonly number[];
  readonly seconds: number[];
}

interface DeviceTimes {
  readonly queues: Map<number, QueueTimes>;
  updatedMs: number;
}

/** A snapshot that came late says little of the time before it. */
const LONGEST_GAP_SECONDS = 2;
const IFF_UP = 1;

export class ReaderTimes {
  readonly #readers: Readers;
  readonly #devices = new Map<bigint, DeviceTimes>();
  readonly #gone: number;

  constructor(readers: Readers) {
    this.#readers = readers;
    this.#gone = readers.states.indexOf('gone');
  }

  /** Once a snapshot: by queue index, of attached queues and of those that were. */
  update(device: WalkedDevice): ReadonlyMap<number, Reader> {
    const known = this.#devices.get(device.id);
    const now = performance.now();
    const times = known ?? { queues: new Map<number, QueueTimes>(), updatedMs: now };
    this.#devices.set(device.id, times);
    const attached = device.queues.filter(({ detached }) => !detached);
    const elapsed = Math.min((now - times.updatedMs) / 1000, LONGEST_GAP_SECONDS);
    times.updatedMs = now;
    // Its reader has closed the file, and there is no ring that could be full.
    if (attached.length === 0 && device.deviceFlags & IFF_UP)
      for (const { seconds } of times.queues.values()) seconds[this.#gone] = (seconds[this.#gone] ?? 0) + elapsed;
    const threads = new Map(attached.map((queue) => [queue.index, this.#count(times, queue)]));
    return new Map(
      [...times.queues].map(([index, { seconds }]) => [index, this.#readerOf(threads.get(index), seconds)]),
    );
  }

  /** Devices that are gone. */
  forget(present: ReadonlySet<bigint>): void {
    for (const id of this.#devices.keys()) if (!present.has(id)) this.#devices.delete(id);
  }

  /** Answers which thread reads. */
  #count({ queues }: DeviceTimes, { index, reader: slot }: WalkedQueue): number | undefined {
    if (slot === undefined) return undefined;
    const read = this.#readers.read(slot);
    const times = queues.get(index) ?? { born: 0, counted: [], seconds: this.#readers.states.map(() => 0) };
    queues.set(index, times);
    addTo(times, read);
    return read.thread;
  }

  #readerOf(thread: number | undefined, seconds: readonly number[]): Reader {
    return { thread, fullSeconds: this.#readers.states.map((state, i) => ({ state, seconds: seconds[i] ?? 0 })) };
  }
}

function addTo(times: QueueTimes, { born, seconds }: ReaderRead): void {
  const counted = times.born === born ? times.counted : [];
  for (const [state, value] of seconds.entries())
    times.seconds[state] = (times.seconds[state] ?? 0) + value - (counted[state] ?? 0);
  times.born = born;
  times.counted = seconds;
}
