// SPDX-License-Identifier: Apache-2.0
// Hands rows of vanished devices back to the pool: of those that complete walks have lacked for a while, or whose end was seen.
import { layoutOf } from '../kernel/layout.ts';
import type { BpfObject } from '../kernel/native.ts';

/**
 * A device that moves to another network namespace is in no list for tens of milliseconds, on a host without a free CPU for seconds: it takes more than
 * one walk, and more time than that, to say that it is gone. Where ends are seen there is no hurry: the others are on their way. Until then another that
 * has its address is told apart by the programs.
 */
const WALKS = 2;
const ABSENT_MS = { endsAreSeen: 10_000, else: 1000 };
/** Longer than any program can still hold a row number that it looked up before the row was forgotten. */
const GRACE_MS = 2000;

interface Absence {
  walks: number;
  readonly sinceMs: number;
  /** The time at which each row was first forgotten. */
  readonly forgottenMs: Map<number, number>;
}

interface Seen {
  readonly nowMs: number;
  /** A program notes each end of a device. */
  readonly endsAreSeen: boolean;
  /** A program saw the end of this device, so that it cannot be on its way to another namespace. */
  readonly isOver: (device: bigint) => boolean;
}

interface Dismissed {
  /** No program is to find these rows any more. */
  readonly forget: readonly number[];
  /** Nothing can count in these rows any more. */
  readonly release: readonly number[];
  /** Devices that are gone with all their rows. */
  readonly gone: ReadonlySet<bigint>;
}

export class Absences {
  readonly #absent = new Map<bigint, Absence>();

  /** Devices that may come back. */
  get devices(): Iterable<bigint> {
    return this.#absent.keys();
  }

  /** `rows`: by device, as they were read before a walk that found the devices `present`. */
  update(
    rows: ReadonlyMap<bigint, readonly number[]>,
    present: ReadonlySet<bigint>,
    { nowMs, endsAreSeen, isOver }: Seen,
  ): Dismissed {
    const forget: number[] = [];
    const release: number[] = [];
    const gone = new Set<bigint>();
    for (const [device, numbers] of rows) {
      if (present.has(device)) {
        this.#absent.delete(device);
        continue;
      }
      const absence = this.#absent.get(device) ?? { walks: 0, sinceMs: nowMs, forgottenMs: new Map<number, number>() };
      this.#absent.set(device, absence);
      const absentMs = nowMs - absence.sinceMs;
      const hasEnded = isOver(device);
      const mostMs = endsAreSeen && !hasEnded ? ABSENT_MS.endsAreSeen : ABSENT_MS.else;
      const isAway = ++absence.walks < WALKS || absentMs < mostMs;
      if (isAway && !hasEnded) continue;
      // Rows may be born while their device is being deleted: each has its own time, and all are given back together. So
      // the last reading of the device has all its counts.
      for (const number of numbers) absence.forgottenMs.set(number, absence.forgottenMs.get(number) ?? nowMs);
      const isDue = numbers.every((number) => nowMs - (absence.forgottenMs.get(number) ?? nowMs) >= GRACE_MS);
      if (!isDue) forget.push(...numbers);
      if (!isDue || (numbers.length === 0 && absentMs < mostMs + GRACE_MS)) continue;
      release.push(...numbers);
      this.#absent.delete(device);
      gone.add(device);
    }
    return { forget, release, gone };
  }
}

export class Recycler {
  readonly #object: BpfObject;
  readonly #batch: number;
  readonly #rowsAt: number;
  readonly #absences = new Absences();

  constructor(object: BpfObject) {
    const btf = object.btf();
    const layout = layoutOf(btf, 'recycle_request', ['rows']);
    this.#object = object;
    this.#rowsAt = layout.at.rows;
    this.#batch = (layout.size - layout.at.rows) / 8; // two lists of u32
  }

  /** Devices that may come back. */
  get absent(): Iterable<bigint> {
    return this.#absences.devices;
  }

  /** After a walk. `beforeRelease` hears of rows before another device can have them. The answer: devices that are gone. */
  update(
    rows: ReadonlyMap<bigint, readonly number[]>,
    present: ReadonlySet<bigint>,
    when: Seen,
    beforeRelease: (rows: ReadonlySet<number>) => void,
  ): ReadonlySet<bigint> {
    const { forget, release, gone } = this.#absences.update(rows, present, when);
    beforeRelease(new Set(release));
    this.#run(forget, release);
    return gone;
  }

  #run(forget: readonly number[], release: readonly number[]): void {
    for (let from = 0; from < Math.max(forget.length, release.length); from += this.#batch) {
      const lists = [forget, release].map((list) => list.slice(from, from + this.#batch));
      const context = new Uint8Array(this.#rowsAt + 8 * this.#batch);
      const view = new DataView(context.buffer);
      for (const [which, list] of lists.entries()) {
        view.setUint32(which * 4, list.length, true);
        for (const [i, row] of list.entries()) view.setUint32(this.#rowsAt + (which * this.#batch + i) * 4, row, true);
      }
      this.#object.testRun('recycle', context);
    }
  }
}
