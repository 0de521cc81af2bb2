// SPDX-License-Identifier: Apache-2.0
// Steps of one length, one after the other: each as what changed since the one before, in blocks that begin with the whole.
import { applyDeltas, DeltaWriter } from './deltas.ts';
import { type Entry, unflatten } from './flatten.ts';

/** One thing that has states over time. */
export interface Series {
  readonly netns: number | undefined;
  readonly name: string;
}

interface Step {
  readonly takenAt: number;
  /** The allSeries of this step, in order. Steps with the same things share one object. */
  readonly allSeries: readonly Series[];
  /** The offset at which the bytes of each series end. */
  readonly ends: Uint32Array;
  readonly bytes: Uint8Array;
  /** The entries of allSeries whose leaves or shape changed, by the series's place; their numbers begin at 0. */
  readonly entries: ReadonlyMap<number, Entry>;
}

interface Block {
  /** Told by its number: what knows the block itself would keep it, and the allSeries in it, after it is forgotten. */
  readonly number: number;
  readonly steps: Step[];
  bytes: number;
}

/** The numbers of one state of a series. They are never written again: the same object is the same state. */
export type Numbers = Readonly<Float64Array>;

interface Written {
  readonly block: number;
  readonly entry: Entry;
  readonly numbers: Numbers;
}

export interface Pace {
  /** The shortest time between two steps, seconds. */
  readonly stepSeconds: number;
  readonly keepSeconds: number;
}

export interface Decoded {
  readonly takenAt: number;
  /** The values in the order of that step. A value that did not change since the step before is the same object. */
  readonly values: readonly unknown[];
}

/** A whole costs as much as some two changes, and who asks for a step has to go through those before it in the block. */
const STEPS_IN_BLOCK = 12;
/** Bytes of an entry in a map with its list of leaves, and of each leaf; the texts themselves are mostly shared. */
const ENTRY_BYTES = 100;
const WORD_BYTES = 8;
const NO_ENTRIES: ReadonlyMap<number, Entry> = new Map();

export class Chain {
  readonly pace: Pace;
  readonly #blocks: Block[] = [];
  readonly #writer = new DeltaWriter();
  readonly #written = new WeakMap<Series, Written>();
  #begun = 0;
  /** The block of the step that is being written: readers see the step once it is complete. */
  #current: Block | undefined;
  #entries: Map<number, Entry> | undefined;
  #ends = new Uint32Array(0);

  constructor(pace: Pace) {
    this.pace = pace;
  }

  get bytes(): number {
    return this.#blocks.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get oldest(): number | undefined {
    return this.#blocks[0]?.steps[0]?.takenAt;
  }

  get newest(): number | undefined {
    return this.#blocks.at(-1)?.steps.at(-1)?.takenAt;
  }

  /** A step that begins now: steps lie on a grid, so that those of all chains meet. */
  due(takenAt: number): boolean {
    const { stepSeconds } = this.pace;
    return this.newest === undefined || Math.floor(takenAt / stepSeconds) > Math.floor(this.newest / stepSeconds);
  }

  begin(allSeries: number): void {
    const last = this.#blocks.at(-1);
    const goesOn = last !== undefined && last.steps.length < STEPS_IN_BLOCK;
    this.#current = goesOn ? last : { number: this.#begun++, steps: [], bytes: 0 };
    this.#entries = undefined;
    this.#ends = new Uint32Array(allSeries);
  }

  put(place: number, series: Series, entry: Entry, numbers: Numbers): void {
    const block = this.#current;
    if (block === undefined) throw new Error('A step was not begun.');
    const before = this.#written.get(series);
    const goesOn = before !== undefined && before.entry === entry && before.block === block.number;
    if (!goesOn || before.numbers !== numbers) {
      if (!goesOn) {
        this.#entries ??= new Map();
        this.#entries.set(place, entry);
      }
      this.#writer.write(goesOn ? before.numbers : new Float64Array(numbers.length), numbers, numbers.length);
      this.#written.set(series, { block: block.number, entry, numbers });
    }
    this.#ends[place] = this.#writer.at;
  }

  end(takenAt: number, allSeries: readonly Series[]): void {
    const block = this.#current;
    if (block === undefined) throw new Error('A step was not begun.');
    const bytes = this.#writer.take();
    const entries = this.#entries ?? NO_ENTRIES;
    if (block !== this.#blocks.at(-1)) this.#blocks.push(block);
    block.steps.push({ takenAt, allSeries, ends: this.#ends, bytes, entries });
    const leaves = [...entries.values()].reduce((sum, entry) => sum + entry.leaves.length, 0);
    const own = bytes.length + this.#ends.byteLength + ENTRY_BYTES * entries.size + WORD_BYTES * leaves;
    block.bytes += own;
    const [first, second] = this.#blocks;
    const nextBegins = second?.steps[0]?.takenAt;
    if (first && nextBegins !== undefined && takenAt - nextBegins >= this.pace.keepSeconds) this.#blocks.shift();
  }

  /** False: there is no more than the block that is being written. */
  forgetOldest(): boolean {
    return this.#blocks.length > 1 && this.#blocks.shift() !== undefined;
  }

  /** When the first step at or after `time` was taken; undefined: there is none yet. */
  next(time: number): number | undefined {
    return this.#times().find((taken) => taken >= time);
  }

  /** When its steps were taken, from the last one at or before `from` to the last one at or before `to`. */
  times(from: number, to: number): readonly number[] {
    const times = this.#times().filter((time) => time <= to);
    const first = times.findLastIndex((time) => time <= from);
    return times.slice(Math.max(0, first));
  }

  #times(): readonly number[] {
    return this.#blocks.flatMap(({ steps }) => steps.map(({ takenAt }) => takenAt));
  }

  /** The same steps, each when it is asked for: what is forgotten meanwhile is still told. */
  *steps(from: number, to: number, wanted: (series: Series) => boolean): Generator<Decoded> {
    const [first] = this.times(from, to);
    for (const { steps } of [...this.#blocks]) {
      const last = steps.at(-1);
      if (first === undefined || last === undefined || last.takenAt < first) continue;
      const reader = new BlockReader(wanted);
      for (const step of steps) {
        if (step.takenAt > to) return;
        reader.read(step);
        if (step.takenAt >= first) yield { takenAt: step.takenAt, values: reader.values(step) };
      }
    }
  }
}

interface Reading {
  entry: Entry;
  numbers: Float64Array;
  /** Made when it is asked for; undefined: it changed since. */
  value: unknown;
}

class BlockReader {
  readonly #wanted: (series: Series) => boolean;
  readonly #readings = new Map<Series, Reading>();

  constructor(wanted: (series: Series) => boolean) {
    this.#wanted = wanted;
  }

  read({ allSeries, ends, bytes, entries }: Step): void {
    for (let place = 0; place < allSeries.length; place += 1) {
      const series = allSeries[place];
      if (series === undefined || !this.#wanted(series)) continue;
      const entry = entries.get(place);
      const [start, end] = [ends[place - 1] ?? 0, ends[place] ?? 0];
      if (entry)
        this.#readings.set(series, { entry, numbers: new Float64Array(entry.shape.numbers), value: undefined });
      const reading = this.#readings.get(series);
      if (reading === undefined || (start === end && !entry)) continue;
      applyDeltas(reading.numbers, bytes, start, end);
      reading.value = undefined;
    }
  }

  values({ allSeries }: Step): readonly unknown[] {
    return allSeries.flatMap((series) => {
      const reading = this.#readings.get(series);
      if (reading === undefined) return [];
      reading.value ??= unflatten(reading.entry, reading.numbers);
      return [reading.value];
    });
  }
}
