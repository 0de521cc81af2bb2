// SPDX-License-Identifier: Apache-2.0
// One sample of all devices: rows, the walk, rows again; then what each subject makes of them.
import { DeviceAccounting } from '../accounting/device-accounting.ts';
import type { CountingMode } from '../accounting/queue-accounting.ts';
import type { Probes } from '../engine/attach.ts';
import { FreedPackets } from '../engine/freed-packets.ts';
import { Generations } from '../engine/generations.ts';
import { ProbeLosses } from '../engine/probe-losses.ts';
import type { LoadedPrograms } from '../engine/programs.ts';
import type { DeviceSums } from '../engine/queue-sums.ts';
import { Rows, type RowsRead } from '../engine/rows.ts';
import type { Accounts, Hints, OpenSubject, Subject } from '../engine/subject.ts';
import { type Attached, type Walk, type WalkedDevice, Walker } from '../engine/walk.ts';
import { type Held, heldOf, type Owners, together } from '../inventory/owners.ts';
import type { Device } from '../snapshot/device.ts';
import type { AgentState, LostEvents, ProbeState } from '../snapshot/snapshot.ts';
import type { DeletedLog } from './deleted-log.ts';
import { Deletions } from './deletions.ts';
import { Demands } from './demands.ts';
import { deviceOf } from './device-view.ts';
import { UnchangedDevices } from './unchanged-devices.ts';

/** Rows around the walk. */
interface Sample {
  readonly before: RowsRead;
  readonly walk: Walk;
  readonly after: RowsRead;
  readonly nowNs: number;
}

interface SampledDevices {
  readonly devices: readonly Device[];
  readonly complete: boolean;
}

export class DeviceSampler {
  readonly #probes: Probes;
  readonly #perCpu: boolean;
  readonly #generations = new Generations();
  readonly #subjects: readonly OpenSubject[];
  /** Those that an unchanged device is asked about: few, for a host may have thousands of such. */
  readonly #watching: readonly OpenSubject[];
  readonly #walker: Walker;
  readonly #rows: Rows;
  readonly #slots: number;
  readonly #demands: Demands;
  readonly #losses: ProbeLosses;
  readonly #owners: Owners;
  readonly #freed: FreedPackets;
  readonly #deletions: Deletions;
  readonly #accounting = new Map<bigint, DeviceAccounting>();
  readonly #unchanged = new UnchangedDevices();
  #held: readonly Held[] = [];
  /** A complete walk has been: a device that appears now was made under watch. */
  #sawAll = false;
  #used = 0;
  #lost: readonly string[] = [];
  #states: readonly ProbeState[] = [];
  /** The mechanisms in use, and what is known of all devices at once. */
  #measuredBy = '';

  constructor(
    probes: Probes,
    programs: LoadedPrograms,
    subjects: readonly Subject[],
    owners: Owners,
    deleted: DeletedLog,
    perCpu: boolean,
  ) {
    const { object, reasons } = programs;
    const generations = this.#generations;
    this.#probes = probes;
    this.#perCpu = perCpu;
    this.#owners = owners;
    this.#slots = reasons.slotNames.length;
    const records = new Map(subjects.flatMap((subject) => [...(subject.records ?? [])]));
    this.#walker = new Walker(object, generations);
    this.#rows = new Rows(object, generations, () => probes.can('entry-only'), records);
    this.#demands = new Demands(probes, object);
    this.#losses = new ProbeLosses(programs);
    this.#freed = new FreedPackets(probes, programs, generations);
    const parts = { probes, programs, owners, freed: this.#freed, generations, states: () => this.#states };
    this.#subjects = subjects.flatMap((subject) => subject.open?.(parts) ?? []);
    this.#watching = this.#subjects.filter(({ isAsSeen }) => isAsSeen !== undefined);
    this.#deletions = new Deletions(probes, object, { owners, subjects: this.#subjects }, deleted);
  }

  sample(): SampledDevices {
    const { before, walk, after, nowNs } = this.#read();
    this.#readTables();
    this.#states = this.#probes.states();
    this.#lost = this.#losses.sentences(this.#states, this.#probes.can, nowNs / 1e9);
    this.#used = before.used;
    this.#noteMechanisms();
    const sample = { before, walk, after, nowNs };
    const devices = walk.devices.map((walked) => this.#device(walked, sample));
    const others = this.#subjects.flatMap((subject) => subject.walk?.() ?? []);
    const complete = [walk, ...others].every((one) => one.complete);
    const held = heldByAll([walk, ...others]);
    this.#held = complete ? held : together(this.#held, held); // what an incomplete walk left out keeps its owner
    this.#recycle(sample, devices, complete, new Set(others.flatMap((one) => one.devices.map(({ id }) => id))));
    this.#sawAll ||= complete;
    return { devices: [...devices, ...others.flatMap(({ made }) => made)], complete };
  }

  /** Again where what the walk saw asks for other programs. */
  #read(): Sample {
    let first = this.#readAndWalk();
    while (this.#demands.update(first.walk.devices)) {
      this.#walk(); // prepares the queues that are watched now
      first = this.#readAndWalk();
    }
    return { ...first, after: this.#withOthers(this.#rows.read(false), false) };
  }

  /** The rows, and then the walk. */
  #readAndWalk(): Omit<Sample, 'after'> {
    if (this.#probes.can('offers-derived')) this.#probes.programs?.settle(false);
    // Before the rows: a stop that they have open is reported up to here, and what its wake adds to them later is never less.
    const nowNs = Number(process.hrtime.bigint());
    const before = this.#withOthers(this.#rows.read(true, this.#perCpu), true);
    return { nowNs, before, walk: this.#walk() };
  }

  #walk(): Walk {
    return this.#walker.walk(attachedBy(this.#probes, this.#demands.exits));
  }

  #withOthers(rows: RowsRead, isShown: boolean): RowsRead {
    return this.#subjects.reduce((sum, subject) => subject.addTo?.(sum, isShown) ?? sum, rows);
  }

  /** `isLast`: the driver has gone, and no program may be run any more. */
  #readTables(isLast = false): void {
    this.#freed.read();
    for (const subject of this.#subjects) subject.read?.(isLast);
  }

  #noteMechanisms(): void {
    const states = this.#states.map(({ event, mechanism, attached }) => `${event}=${attached && mechanism}`);
    const measuredBy = [...states, this.#sawAll, ...this.#lost].join();
    if (measuredBy !== this.#measuredBy) this.#generations.allChanged();
    this.#measuredBy = measuredBy;
  }

  /** The device for the snapshot: the same object as before if nothing in it changed. */
  #device(walked: WalkedDevice, sample: Sample): Device {
    const { id } = walked;
    const unchanged = this.#unchanged.find(id, this.#generations.of(id));
    if (unchanged && this.#watching.every((subject) => subject.isAsSeen?.(walked))) return unchanged;
    const device = this.#make(walked, sample, false);
    // Marks of the accounts last for a while, and so does what is open: a stop, or an episode of drops.
    const isMarked = device.degraded.length > this.#lost.length || device.unseen?.split !== undefined;
    const sums = sumsOf(sample.before, walked);
    const isOpen = isMarked || this.#subjects.some((subject) => subject.changesWithTime?.(walked, sums));
    return this.#unchanged.keep(id, this.#generations.of(id), device, isOpen);
  }

  /** `isFinal`: it was deleted, and no other sample will show more. */
  #make(walked: WalkedDevice, { before, after, nowNs }: Omit<Sample, 'walk'>, isFinal: boolean): Device {
    const sums = sumsOf(before, walked);
    const hints: Hints = Object.assign({}, ...this.#subjects.map((subject) => subject.see?.(walked, sums)));
    const { can } = this.#probes;
    const isCounting = can('offers') || can('offers-derived');
    const accounts =
      isCounting && can('drops') ? this.#accountsOf(walked, sums, sumsOf(after, walked), hints, isFinal) : undefined;
    return deviceOf({ walked, sums: isCounting ? sums : undefined, accounts, nowNs }, this.#subjects, this.#slots);
  }

  #accountsOf(walked: WalkedDevice, before: DeviceSums, after: DeviceSums, hints: Hints, isFinal: boolean): Accounts {
    const accounting = this.#accounting.get(walked.id) ?? new DeviceAccounting(this.#sawAll);
    this.#accounting.set(walked.id, accounting);
    const { otherDropped = 0, framesDropped = 0, queuesChanged = false, heldUnseen = false } = hints;
    const reading = {
      before,
      after,
      walked: framesDropped === 0 ? walked : withoutFrames(walked, framesDropped),
      otherDropped,
      heldUnseen,
      queuesChanged,
      entries: this.#probes.can('entry-only'),
    };
    const mode = modeOf(this.#probes);
    const accounts = isFinal ? accounting.finish(reading, mode) : accounting.update(reading, mode);
    return { ...accounts, degraded: [...accounts.degraded, ...this.#lost] };
  }

  #recycle(
    { walk, before, after }: Sample,
    devices: readonly Device[],
    complete: boolean,
    foreign: ReadonlySet<bigint>,
  ): void {
    const sample = { walked: walk.devices, devices, complete, rows: before, foreign };
    this.#deletions.see(sample);
    const gone = this.#deletions.recycle(sample, {
      make: (walked) => this.#final(walked, before, after),
      released: (rows) => this.#rows.released(rows),
    });
    if (complete) {
      const present = new Set([...walk.devices.map(({ id }) => id), ...this.#deletions.absent]);
      this.#unchanged.forget(present);
      for (const subject of this.#subjects) subject.keepOnly?.(present);
    }
    if (gone.size === 0) return;
    for (const id of gone) this.#accounting.delete(id);
    for (const subject of this.#subjects) subject.remove?.(gone);
    this.#generations.remove(gone);
  }

  /** A deleted device, as a sample right after its end would show it. */
  #final(walked: WalkedDevice, before: RowsRead, after: RowsRead): Device {
    // A stop that is still open ended with the device: it lasts no longer than the rows say.
    return this.#make(walked, { before, after, nowNs: 0 }, true);
  }

  /** The driver goes, and all devices with it. */
  end(): void {
    const rows = this.#withOthers(this.#rows.read(false), true);
    this.#readTables(true);
    this.#deletions.end(rows, (walked) => this.#final(walked, rows, rows));
  }

  pool(): { readonly used: number; readonly capacity: number } {
    return { used: this.#used, capacity: this.#rows.capacity };
  }

  /** The state of each program at the last sample: asking the kernel takes a call for each. */
  get states(): readonly ProbeState[] {
    return this.#states;
  }

  eventsLost(): readonly LostEvents[] {
    return this.#losses.events();
  }

  /** What subjects know of the whole host. */
  agent(): Partial<AgentState> {
    return Object.assign({}, ...this.#subjects.map((subject) => subject.agent?.() ?? {}));
  }

  /** Runs apart from scrapes. */
  async refresh(): Promise<void> {
    const read = await this.#owners.refresh(this.#held);
    for (const subject of this.#subjects) subject.refresh?.(read);
  }

  /** Looks at the readers of queues that are or recently were full or stopped; false: there are none. */
  sampleReaders(): boolean {
    return this.#subjects.map((subject) => subject.betweenSamples?.() ?? false).includes(true);
  }
}

/** The same list while no device changes, where all are of one driver. */
function heldByAll(walks: readonly Walk[]): readonly Held[] {
  const [only = [], ...others] = walks.map((one) => heldOf(one.devices)).filter((held) => held.length > 0);
  return others.length === 0 ? only : [...only, ...others.flat()];
}

function sumsOf(rows: RowsRead, { id }: WalkedDevice): DeviceSums {
  return rows.devices.get(id) ?? new Map();
}

/** tx_dropped without the frames in it: the accounts compare the rest with drops of packets. */
function withoutFrames(walked: WalkedDevice, frames: number): WalkedDevice {
  return { ...walked, counters: { ...walked.counters, txDropped: walked.counters.txDropped - frames } };
}

/** `exits`: the exit of the transmit function is hooked. */
function attachedBy({ can }: Pick<Probes, 'can'>, exits: boolean): Attached {
  return { stops: can('stops'), consumed: can('dequeues'), departures: can('dequeue-timing'), exits };
}

function modeOf({ can }: Pick<Probes, 'can'>): CountingMode {
  return {
    enqueued: can('offers-derived') ? 'derived' : 'counted',
    taken: can('dequeues') ? 'counted' : can('dequeues-derived') ? 'derived' : 'device',
  };
}
