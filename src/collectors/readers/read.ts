// SPDX-License-Identifier: Apache-2.0
// What the programs know of each queue's reader, and the agent's own samples of those of full and stopped queues.
import { type Layout, layoutOf } from '../../kernel/layout.ts';
import type { MapView } from '../../kernel/map-view.ts';
import type { BpfObject } from '../../kernel/native.ts';

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

const FIELDS = ['born', 'thread', 'tid', 'thread_changed', 'nanoseconds', 'time', 'rivals', 'waiting_looks'] as const;
const TIME_FIELDS = ['uncertain'] as const;
const RIVAL_FIELDS = ['pid', 'started', 'looks', 'comm'] as const;
const COMM_BYTES = 16;
const SAMPLE_FIELDS = ['pressed_only', 'pressed'] as const;
/** The same as in has_several_threads() of bpf/readers/reader.bpf.h. */
const TURNS_NS = 10_000_000_000;

export class Readers {
  /** running, waiting, … */
  readonly states: readonly string[];
  readonly #object: BpfObject;
  readonly #slots: MapView;
  readonly #reader: Layout<(typeof FIELDS)[number]>;
  readonly #time: Layout<(typeof TIME_FIELDS)[number]>;
  readonly #rival: Layout<(typeof RIVAL_FIELDS)[number]>;
  readonly #look: Layout<(typeof SAMPLE_FIELDS)[number]>;
  /** Byte offsets in a slot of the words that make up what is read of it. */
  readonly #words: readonly number[];
  /** The words of each slot when it was last read. */
  readonly #lastRead = new Map<number, Uint32Array>();

  constructor(object: BpfObject) {
    const btf = object.btf();
    this.#object = object;
    this.#slots = object.mapView('queue_readers');
    this.#reader = layoutOf(btf, 'queue_reader', FIELDS);
    this.#time = layoutOf(btf, 'reader_time', TIME_FIELDS);
    this.#rival = layoutOf(btf, 'rival', RIVAL_FIELDS);
    this.#look = layoutOf(btf, 'reader_sample', SAMPLE_FIELDS);
    const states = btf.enumValues('thread_state');
    if (!states) throw new Error("The BPF object has no enum thread_state: it is of another build. Run 'make bpf'.");
    this.states = states
      .map(({ name }) => name.replace('THREAD_', '').toLowerCase())
      .filter((name) => name !== 'states');
    const { at } = this.#reader;
    const long = [at.born, at.thread, at.thread_changed, at.time + this.#time.at.uncertain];
    for (const [state] of this.states.entries()) long.push(at.nanoseconds + 8 * state);
    this.#words = [at.tid, at.waiting_looks, ...long.flatMap((offset) => [offset, offset + 4])];
  }

  /** Adds up what readers do at this moment; true: a queue is, or was within seconds, full or stopped. */
  look(pressedOnly: boolean): boolean {
    const context = new Uint8Array(this.#look.size);
    const view = new DataView(context.buffer);
    view.setUint32(this.#look.at.pressed_only, Number(pressedOnly), true);
    this.#object.testRun('sample_readers', context);
    return view.getUint32(this.#look.at.pressed, true) > 0;
  }

  /** Nothing in the slot was written since read() was called for it. */
  isAsRead(slot: number): boolean {
    const last = this.#lastRead.get(slot);
    return last !== undefined && this.#slots.hasWords(last, slot * this.#reader.size, this.#words);
  }

  read(slot: number): ReaderRead {
    const { at, size } = this.#reader;
    const base = slot * size;
    // Before it is read: what is written meanwhile is seen as a change later.
    this.#lastRead.set(
      slot,
      Uint32Array.from(this.#words, (offset) => this.#slots.u32(base + offset)),
    );
    const changed = this.#slots.u64(base + at.thread_changed);
    const known = this.#slots.bigint(base + at.thread) !== 0n;
    const takeTurns = changed > 0 && monotonicNs() - changed < TURNS_NS;
    const rivals = this.#rivals(base + at.rivals, base + at.waiting_looks);
    return {
      lasting: !takeTurns && rivals.length === 0,
      born: this.#slots.u64(base + at.born),
      thread: known && !takeTurns ? this.#slots.u32(base + at.tid) : undefined,
      seconds: this.states.map((_, state) => this.#slots.u64(base + at.nanoseconds + 8 * state) / 1e9),
      uncertain: this.#slots.u64(base + at.time + this.#time.at.uncertain) / 1e9,
      waitingLooks: this.#slots.u32(base + at.waiting_looks),
      rivals,
    };
  }

  /** The rivals from `first` up to `end`, which is the field behind them. */
  #rivals(first: number, end: number): readonly RivalRead[] {
    const { at, size } = this.#rival;
    const rivals: RivalRead[] = [];
    for (let base = first; base + size <= end; base += size) {
      const looks = this.#slots.u32(base + at.looks);
      if (looks === 0) continue;
      const [pid, started] = [this.#slots.u32(base + at.pid), this.#slots.bigint(base + at.started)];
      rivals.push({ pid, started, looks, comm: this.#slots.text(base + at.comm, COMM_BYTES) });
    }
    return rivals;
  }
}

/** The clock of bpf_ktime_get_ns(). */
function monotonicNs(): number {
  return Number(process.hrtime.bigint());
}
