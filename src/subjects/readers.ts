// SPDX-License-Identifier: Apache-2.0
// The thread that takes packets out of a queue, and what it does meanwhile.
import { type ProbeEvent, WALK } from '../engine/mechanism.ts';
import type { OpenSubject, Parts, QueueView, Subject } from '../engine/subject.ts';
import { always } from '../engine/unavailable.ts';
import { type Layout, layoutOf } from '../kernel/layout.ts';
import type { MapView } from '../kernel/map-view.ts';
import type { BpfObject } from '../kernel/native.ts';
import { core, counters, fromFirst, full, info, series } from '../snapshot/metric.ts';
import type { Queue, Reader } from '../snapshot/queue.ts';
import { type ReaderRead, ReaderTimes, type RivalRead } from './reader-times.ts';

const EVENTS: readonly ProbeEvent[] = [
  {
    name: 'readers',
    measures: 'the thread that reads each queue, and what it does while the queue is full or stopped',
    mechanisms: [
      {
        name: 'looks',
        provides: ['readers'],
        programs: ['sample_readers'],
        needs: WALK,
        tradeoff: undefined,
        unavailable: always,
      },
    ],
  },
];

const FIELDS = ['born', 'thread', 'tid', 'thread_changed', 'nanoseconds', 'time', 'rivals', 'waiting_looks'] as const;

const TIME_FIELDS = ['uncertain'] as const;

const RIVAL_FIELDS = ['pid', 'started', 'looks', 'comm'] as const;

const COMM_BYTES = 16;

const SAMPLE_FIELDS = ['pressed_only', 'pressed'] as const;

/** The same as in has_several_threads() of bpf/readers/reader.bpf.h. */
const TURNS_NS = 10_000_000_000;

class Readers {
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

function open({ probes: { can }, programs: { object }, owners }: Parts): OpenSubject {
  // Where a reader wakes is seen as packets are offered.
  const wakeups = ({ sums }: QueueView): Partial<Queue> => {
    if (!can('offers')) return {};
    const count = (event: string): number => sums?.events.get(event) ?? 0;
    return { wakeups: { there: count('woken_where_sent'), elsewhere: count('woken_elsewhere') } };
  };
  if (!can('readers')) return { queue: wakeups };
  const readers = new Readers(object);
  const times = new ReaderTimes(readers, ({ pid, started }) => owners.identityOf(pid, started));
  const seen = new Map<bigint, ReadonlyMap<number, Reader>>();
  let isPressed = false;
  return {
    read: (isLast) => {
      if (!isLast) isPressed = readers.look(false);
    },
    isPressed: () => isPressed,
    see: (walked) => {
      seen.set(walked.id, times.update(walked));
      return undefined;
    },
    isAsSeen: (walked) => times.isAsUpdated(walked),
    changesWithTime: ({ id }) => !times.isLasting(id),
    // A persistent device that all processes have closed shows the queues that had a reader.
    queuesOf: ({ id, queues }) => (queues.every(({ detached }) => detached) ? (seen.get(id)?.keys() ?? []) : []),
    queue: (view) => ({ ...wakeups(view), reader: seen.get(view.device.walked.id)?.get(view.index) }),
    betweenSamples: () => {
      isPressed = readers.look(true);
      return isPressed;
    },
    keepOnly: (present) => {
      times.forget(present);
      for (const id of seen.keys()) if (!present.has(id)) seen.delete(id);
    },
  };
}

export const readers: Subject = {
  name: 'readers',
  events: EVENTS,
  symbols: ['default_wake_function', 'pollwake', 'ep_poll_callback'],
  open,
  metrics: {
    queue: [
      info(
        'tapscope_queue_owner_info',
        'Process that holds the file descriptor of the queue (struct tun_file; of a macvtap struct tap_queue), and the thread that reads it, as seen in read, poll, epoll_wait or as vhost-net’s worker; empty: none was seen, or several take turns.',
        ['pid', 'comm', 'thread'],
        ({ owner, reader }) =>
          owner === undefined ? [] : [series(1, String(owner.pid), owner.comm, String(reader?.thread ?? ''))],
      ),
      core(
        fromFirst(
          counters(
            'tapscope_reader_full_seconds_total',
            'Time in which the queue towards the guest or reader was full or stopped or had no reader, by what its reader did (task_struct.__state, on_cpu). Sampled whether the queue is full; running and waiting between two such samples are the scheduler’s own (se.sum_exec_runtime, sched_info.run_delay), at most 0.1 s more than /proc/PID/task/TID/schedstat. waiting: it could run, and others had the CPU; stopped: by a signal or the freezer; throttled: its cgroup had used up its CPU time; of an idle vhost-net worker, what stops its owner; of a process whose reading thread is not known, the sums of its threads.',
            ['state'],
            ({ reader }) => (reader?.fullSeconds ?? []).map(({ state, seconds }) => series(seconds, state)),
          ),
        ),
      ),
      full(
        counters(
          'tapscope_reader_sampled_wakeups_total',
          'Packets, of one in 256, that found the reader asleep and left it awake, by the CPU that it was woken on: the one that sent the packet, or another (task_struct.__state before and after tun_net_xmit).',
          ['woken_on'],
          ({ wakeups }) => (wakeups ? [series(wakeups.there, 'same'), series(wakeups.elsewhere, 'other')] : []),
        ),
      ),
    ],
  },
};
