// SPDX-License-Identifier: Apache-2.0
// Counts of queues beside their rows: rare ones, and those made on demand.
import { layoutOf } from '../kernel/layout.ts';
import type { BpfObject } from '../kernel/native.ts';
import type { RowCounter } from '../snapshot/queue.ts';
import { HashEntries } from './hash-entries.ts';

/** Events by their name in enum queue_event of bpf/rows/queue-events.bpf.h. */
const NAMES = {
  /** Looks at a packet for which the guest had no buffer. */
  noBuffer: 'EVENT_NO_BUFFER',
  /** Buffers of the guest that were given back unused. */
  discarded: 'EVENT_DISCARDED',
  /** Packets that vhost-net tried to send without copying them, and how that ended. */
  zeroCopyTried: 'EVENT_ZEROCOPY_TRIED',
  zeroCopyDone: 'EVENT_ZEROCOPY_DONE',
  zeroCopyCopied: 'EVENT_ZEROCOPY_COPIED',
  /** Zero-copy is on, and was not tried. */
  copiedSmall: 'EVENT_COPIED_SMALL',
  copiedPending: 'EVENT_COPIED_PENDING',
  copiedFlush: 'EVENT_COPIED_FLUSH',
  copiedThrottled: 'EVENT_COPIED_THROTTLED',
  copiedOther: 'EVENT_COPIED_OTHER',
  /** Packets that the reader got, by the CPU that allocated them: the one that frees them, or another, or one that gets them back. */
  freedWhereAllocated: 'EVENT_FREED_WHERE_ALLOCATED',
  freedElsewhere: 'EVENT_FREED_ELSEWHERE',
  freeDeferred: 'EVENT_FREE_DEFERRED',
  /** One packet in 256 is looked at: the reader woke on the CPU that sent it, or on another. */
  wokenWhereSent: 'EVENT_WOKEN_WHERE_SENT',
  wokenElsewhere: 'EVENT_WOKEN_ELSEWHERE',
  /** Queues that left the device, and queues that took the index of one that left; both are counted at queue 0. */
  queueLeft: 'EVENT_QUEUE_LEFT',
  queueMoved: 'EVENT_QUEUE_MOVED',
} as const;

export type QueueEvent = keyof typeof NAMES | RowCounter;

/** Sums over the CPUs of one queue; what is not in it never happened, or is not measured. */
export type EventSums = Map<QueueEvent, number>;

export class QueueEvents {
  readonly #entries: HashEntries<EventSums>;
  readonly #at: Readonly<Record<'row' | 'event', number>>;
  readonly #events: ReadonlyMap<number, QueueEvent>;

  /** `others`: row counters that have no field in the row. */
  constructor(object: BpfObject, others: readonly RowCounter[] = []) {
    const btf = object.btf();
    this.#entries = new HashEntries(object, 'queue_events');
    this.#at = layoutOf(btf, 'queue_event_key', ['row', 'event']).at;
    const numbers = new Map(btf.enumValues('queue_event')?.map(({ name, value }) => [name, value]));
    const events = Object.keys(NAMES).filter((event): event is keyof typeof NAMES => event in NAMES);
    const names = new Map<QueueEvent, string>(events.map((event) => [event, NAMES[event]]));
    for (const name of others) names.set(name, `EVENT_${name.toUpperCase()}`);
    this.#events = new Map([...names].map(([event, name]) => [numberOf(numbers, name), event]));
  }

  /** Sums by row number. */
  read(): ReadonlyMap<number, EventSums> {
    return this.#entries.readGroups(
      (key) => key.getUint32(this.#at.row, true),
      (entries) => {
        const sums = new Map<QueueEvent, number>();
        for (const { key, value } of entries) {
          const event = this.#events.get(key.getUint32(this.#at.event, true));
          if (event) sums.set(event, Number(value.getBigUint64(0, true)));
        }
        return sums;
      },
    );
  }

  remove(rows: ReadonlySet<number>): void {
    this.#entries.removeWhere((key) => rows.has(key.getUint32(this.#at.row, true)));
  }
}

function numberOf(numbers: ReadonlyMap<string, number>, name: string): number {
  const number = numbers.get(name);
  if (number === undefined)
    throw new Error(`enum queue_event has no ${name}: the BPF object is of another build. Run 'make bpf'.`);
  return number;
}

export function addEvents(sums: EventSums, more: EventSums | undefined): void {
  for (const [event, count] of more ?? []) sums.set(event, (sums.get(event) ?? 0) + count);
}
