// SPDX-License-Identifier: Apache-2.0
// Reads the rows of kernel counters and sums them by queue.
import { isDeepStrictEqual } from 'node:util';
import { variableOf } from '../kernel/globals.ts';
import { type Layout, layoutOf } from '../kernel/layout.ts';
import type { MapView } from '../kernel/map-view.ts';
import type { BpfObject } from '../kernel/native.ts';
import { COUNTER_NAMES, type CounterName } from '../snapshot/counters.ts';
import type { CpuCounters } from '../snapshot/queue.ts';
import { Entered } from './entered.ts';
import type { Generations } from './generations.ts';
import { Histograms, type QueueHistograms } from './histograms.ts';
import { LastRows } from './last-rows.ts';
import { addCounts, type DeviceSums, emptySums, type QueueSums } from './queue-sums.ts';
import { type Counts, RowCounts } from './row-counts.ts';
import { mergeShared, NO_CPU, SharedRows } from './shared-rows.ts';

const FIELDS = [
  'device_id',
  'device',
  'place',
  'offered',
  'offered_bytes',
  'enqueued',
  'consumed',
  'bypassed',
  'dropped',
  'consumed_in_batches',
  'sent_by_softirq',
] as const;
type Field = (typeof FIELDS)[number] | CounterName;

/** ROW_ENDED of bpf/rows/queue.bpf.h, in the half that holds the queue. */
const ROW_ENDED = 1 << 31;

export interface RowsRead {
  /** Sums by kernfs node id of the device. */
  readonly devices: ReadonlyMap<bigint, DeviceSums>;
  /** Row numbers by kernfs node id of the device. */
  readonly rowNumbers: ReadonlyMap<bigint, readonly number[]>;
  readonly used: number;
  /** Slots of drop reasons in each sum. */
  readonly slots: number;
}

/** What hash maps hold beside the rows, by row. */
interface Beside {
  readonly rare: ReadonlyMap<number, Counts>;
  readonly histograms: ReadonlyMap<number, QueueHistograms> | undefined;
  readonly events: ReadonlyMap<number, Counts>;
}

/** A map of the programs with a record of 64-bit words for each row. */
interface RecordMap {
  readonly name: string;
  readonly view: MapView;
  /** Bytes. */
  readonly size: number;
}

/** The sums of each device by the last whole read, of so many rows. */
type Kept = Map<bigint, { readonly sums: DeviceSums; readonly rows: number }>;

interface RowIdentity {
  readonly deviceId: bigint;
  readonly queue: number;
  readonly cpu: number;
}

export class Rows {
  readonly capacity: number;
  readonly #rare: RowCounts;
  readonly #histograms: Histograms;
  readonly #shared: SharedRows;
  readonly #events: RowCounts;
  readonly #eventNames: ReadonlyMap<number, string>;
  readonly #records: readonly RecordMap[];
  readonly #generations: Generations;
  readonly #layout: Layout<Field>;
  /** Counters that are fields of the row, and those that are events beside it. */
  readonly #inRow: readonly CounterName[];
  readonly #beside: readonly CounterName[];
  readonly #view: MapView;
  readonly #freshAt: number;
  readonly #rowsAt: number;
  readonly #slots: number;
  /** Constant until the row is recycled, which only this process does. */
  readonly #identities: (RowIdentity | undefined)[] = [];
  readonly #last: LastRows;
  readonly #entries: () => boolean;
  /** The last read found entries. */
  #hadEntries = false;
  /** undefined: programs count what enters a ring. */
  readonly #entered: Entered | undefined;
  #kept: Kept = new Map();

  /**
   * `entries`: programs see what is offered and what is dropped, and not what enters a ring. `records`: maps with a record for each row, and the
   * struct of one.
   */
  constructor(
    object: BpfObject,
    generations: Generations,
    entries: () => boolean,
    records: ReadonlyMap<string, string> = new Map(),
  ) {
    if (entries()) this.#entered = new Entered();
    this.#entries = entries;
    this.#generations = generations;
    const btf = object.btf();
    this.#rare = new RowCounts(object, 'rare_drops', 'rare_drop_key', 'reason');
    this.#histograms = new Histograms(object);
    this.#records = [...records].map(([name, struct]) => ({
      name,
      view: object.mapView(name),
      size: layoutOf(btf, struct, []).size,
    }));
    const fields = btf.struct('row')?.fields ?? [];
    const isInRow = (one: CounterName): boolean => fields.some(({ name }) => name === one);
    this.#inRow = COUNTER_NAMES.filter(isInRow);
    this.#beside = COUNTER_NAMES.filter((name) => !isInRow(name));
    this.#events = new RowCounts(object, 'queue_events', 'queue_event_key', 'event');
    const events = btf.enumValues('queue_event') ?? [];
    this.#eventNames = new Map(events.map(({ name, value }) => [value, name.replace('EVENT_', '').toLowerCase()]));
    for (const name of this.#beside)
      if (![...this.#eventNames.values()].includes(name))
        throw new Error(`enum queue_event does not have ${name}: the BPF object is of another build. Run 'make bpf'.`);
    this.#layout = layoutOf<Field>(btf, 'row', [...FIELDS, ...this.#inRow]);
    this.#slots = fields.find(({ name }) => name === 'dropped')?.count ?? 0;
    this.#view = object.mapView('.bss');
    this.#shared = new SharedRows(object, this.#view);
    this.#freshAt = variableOf(btf, 'rows_fresh').offset;
    this.#rowsAt = variableOf(btf, 'rows').offset;
    this.#last = new LastRows(
      { view: this.#view, begin: this.#rowsAt, size: this.#layout.size },
      ...this.#records.map(({ view, size }) => ({ view, begin: 0, size })),
    );
    this.capacity = (object.maps.find(({ name }) => name === 'free_rows')?.maxEntries ?? 1) - 1; // row 0 means none
  }

  /**
   * `whole`: with what is not in the accounts: shared rows and, if `perCpu`, each CPU's. The sums of a device are the
   * same object while nothing of it was written since the last whole read.
   */
  read(whole: boolean, perCpu = false): RowsRead {
    this.#restartEntered();
    const rowNumbers = new Map<bigint, number[]>();
    const end = Math.min(this.#view.u32(this.#freshAt), this.capacity);
    this.#beginEntered(end, performance.now());
    const histograms = whole ? this.#histograms.read() : undefined;
    const beside = { rare: this.#rare.read(), histograms, events: this.#events.read() };
    let used = 0;
    for (let number = 1; number <= end; number++) {
      const identity = this.#identity(number);
      if (!identity) continue;
      used++;
      getOrAdd(rowNumbers, identity.deviceId, () => []).push(number);
    }
    const written = this.#last.written(end, [beside.rare, beside.events, beside.histograms], whole);
    const devices = new Map<bigint, DeviceSums>();
    const kept: Kept = new Map();
    for (const [id, numbers] of rowNumbers) {
      const known = this.#kept.get(id);
      const isAsKept = known?.rows === numbers.length && !numbers.some((number) => written.has(number));
      const made = isAsKept ? known.sums : this.#sum(numbers, beside, perCpu);
      // The walk writes times into rows that are not read.
      const sums = whole && known && isDeepStrictEqual(known.sums, made) ? known.sums : made;
      if (sums !== known?.sums) this.#generations.changed(id);
      devices.set(id, sums);
      // The next read may find more, though nothing is written until then.
      const isPending = numbers.some((number) => this.#entered?.isPending(number));
      if (!isPending) kept.set(id, { sums, rows: numbers.length });
    }
    if (whole) this.#kept = kept;
    return { devices, rowNumbers, used, slots: this.#slots };
  }

  /** Offered packets are not seen any more: those that entered until then are counted anew. */
  #restartEntered(): void {
    const hadEntries = this.#hadEntries;
    this.#hadEntries = this.#entries();
    if (this.#hadEntries || !hadEntries) return;
    this.#entered?.restart();
    this.#kept = new Map();
  }

  #beginEntered(end: number, nowMs: number): void {
    if (!this.#entered) return;
    for (let number = 1; number <= end; number++)
      if (this.#identities[number]?.cpu !== NO_CPU)
        this.#entered.begin(number, this.#view.u64(this.#base(number) + this.#layout.at.offered), nowMs);
  }

  #sum(numbers: readonly number[], { rare, histograms, events }: Beside, perCpu: boolean): DeviceSums {
    const queues = new Map<number, QueueSums>();
    for (const number of numbers) {
      const identity = this.#identity(number);
      if (!identity) continue;
      const sums = getOrAdd(queues, identity.queue, () => emptySums(this.#slots));
      if (identity.cpu === NO_CPU) this.#addShared(sums, number, histograms);
      else this.#add(sums, number, rare.get(number));
      if (perCpu && identity.cpu !== NO_CPU) addPerCpu(sums.perCpu, this.#ofCpu(number, identity.cpu));
      for (const [event, count] of events.get(number) ?? []) {
        const name = this.#eventNames.get(event) ?? '';
        sums.events.set(name, (sums.events.get(name) ?? 0) + count);
      }
      for (const name of this.#beside) sums[name] = sums.events.get(name) ?? 0;
    }
    return queues;
  }

  /** These rows were handed back to the pool: their next identity is another. */
  released(numbers: ReadonlySet<number>): void {
    for (const number of numbers) this.#identities[number] = undefined;
    this.#entered?.released(numbers);
    this.#rare.remove(numbers);
    this.#histograms.remove(numbers);
    this.#events.remove(numbers);
  }

  #base(number: number): number {
    return this.#rowsAt + number * this.#layout.size;
  }

  #identity(number: number): RowIdentity | undefined {
    const known = this.#identities[number];
    if (known) return known;
    const { at } = this.#layout;
    const base = this.#base(number);
    if (this.#view.bigint(base + at.device) === 0n) return undefined; // taken, not yet published
    const identity = {
      deviceId: this.#view.bigint(base + at.device_id),
      queue: this.#view.u32(base + at.place) & ~ROW_ENDED,
      cpu: this.#view.u32(base + at.place + 4),
    };
    this.#identities[number] = identity;
    return identity;
  }

  #addShared(sums: QueueSums, number: number, histograms: Beside['histograms']): void {
    if (!histograms) return;
    const base = this.#base(number);
    const ended = (this.#view.u32(base + this.#layout.at.place) & ROW_ENDED) !== 0;
    const shared = this.#shared.read(base, ended, histograms.get(number));
    // CPUs that made one at the same time left others, which are not used; a device that came back has a second one.
    sums.shared = sums.shared ? mergeShared(sums.shared, shared) : shared;
  }

  #add(sums: QueueSums, number: number, rare: ReadonlyMap<number, number> | undefined): void {
    const { at } = this.#layout;
    const base = this.#base(number);
    const view = this.#view;
    for (const records of this.#records) addRecord(sums.records, records, number);
    // What ends a packet's way is read before what begins it: a sum never shows more enqueued than offered. And all that was
    // taken before what was taken in batches of it, which is counted first.
    for (const name of this.#inRow) sums[name] += view.u64(base + at[name]);
    sums.consumed += view.u64(base + at.consumed);
    sums.consumedInBatches += view.u64(base + at.consumed_in_batches);
    const [enqueued, bypassed] = [view.u64(base + at.enqueued), view.u64(base + at.bypassed)];
    const early = view.u64(base + at.offered);
    let dropped = 0;
    for (let slot = 0; slot < this.#slots; slot++) {
      const packets = view.u64(base + at.dropped + slot * 8);
      dropped += packets;
      sums.dropped[slot] = (sums.dropped[slot] ?? 0) + packets;
    }
    const entered = this.#entered?.update(number, early, dropped - bypassed, performance.now()) ?? enqueued;
    sums.enqueued += entered;
    addCounts(sums.rare, rare);
    sums.bypassed += bypassed;
    sums.sentBySoftirq += view.u64(base + at.sent_by_softirq);
    const offered = view.u64(base + at.offered);
    sums.offered += offered;
    if (this.#entered) sums.entering += Math.max(0, offered - dropped + view.u64(base + at.bypassed) - entered);
    sums.offeredBytes += view.u64(base + at.offered_bytes);
  }

  #ofCpu(number: number, cpu: number): CpuCounters {
    const base = this.#base(number);
    const counter = (field: Field): number => this.#view.u64(base + this.#layout.at[field]);
    let dropped = 0;
    for (let slot = 0; slot < this.#slots; slot++) dropped += this.#view.u64(base + this.#layout.at.dropped + slot * 8);
    return { cpu, offered: counter('offered'), dropped, sentBySoftirq: counter('sent_by_softirq') };
  }
}

function addRecord(sums: Map<string, number[]>, { name, view, size }: RecordMap, row: number): void {
  const sum = getOrAdd(sums, name, () => new Array<number>(size / 8).fill(0));
  for (let word = 0; word < sum.length; word += 1) sum[word] = (sum[word] ?? 0) + view.u64(row * size + 8 * word);
}

/** A queue may have two rows on one CPU: they are summed like those of several. */
function addPerCpu(sums: CpuCounters[], one: CpuCounters): void {
  const place = sums.findIndex(({ cpu }) => cpu === one.cpu);
  const other = sums[place];
  if (other === undefined) sums.push(one);
  else
    sums[place] = {
      cpu: one.cpu,
      offered: other.offered + one.offered,
      dropped: other.dropped + one.dropped,
      sentBySoftirq: other.sentBySoftirq + one.sentBySoftirq,
    };
}

function getOrAdd<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
