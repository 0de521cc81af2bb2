// SPDX-License-Identifier: Apache-2.0
// One sample of all devices: rows around a walk; then what each subject makes of them.
import type { DeviceView, OpenSubject, Parts, Subject } from '../engine/subject.ts';
import { type Held, heldByAll, type Owners, together } from '../inventory/owners.ts';
import type { Device } from '../snapshot/device.ts';
import type { AgentState, LostEvents, ProbeState } from '../snapshot/snapshot.ts';
import type { DeletedLog } from './deleted-log.ts';
import { Deletions } from './deletions.ts';
import { DeviceAccounts } from './device-accounts.ts';
import { deviceOf } from './device-view.ts';
import { type Loaded, makeParts } from './parts.ts';
import { RowSampler, type Sample, type SamplerOptions } from './row-sampler.ts';
import { UnchangedDevices } from './unchanged-devices.ts';

type Walked = DeviceView['walked'];
type Sums = NonNullable<DeviceView['sums']>;
type Rows = Sample['before'];

interface SampledDevices {
  readonly devices: readonly Device[];
  readonly complete: boolean;
}

export class DeviceSampler {
  readonly #probes: Parts['probes'];
  readonly #owners: Owners;
  readonly #generations: Parts['generations'];
  readonly #freed: Parts['freed'];
  readonly #rows: RowSampler;
  readonly #accounts: DeviceAccounts;
  readonly #deletions: Deletions;
  readonly #unchanged = new UnchangedDevices();
  readonly #subjects: readonly OpenSubject[];
  /** Those that an unchanged device is asked about: few, for a host may have thousands of such. */
  readonly #watching: readonly OpenSubject[];
  readonly #slots: number;
  #held: readonly Held[] = [];
  #states: readonly ProbeState[] = [];
  #measuredBy = '';

  constructor(
    loaded: Loaded,
    subjects: readonly Subject[],
    owners: Owners,
    deleted: DeletedLog,
    options: SamplerOptions,
  ) {
    const { probes, programs } = loaded;
    this.#probes = probes;
    this.#owners = owners;
    this.#slots = programs.reasons.slotNames.length;
    const parts = makeParts(loaded, owners, () => this.#states);
    this.#freed = parts.freed;
    this.#generations = parts.generations;
    this.#rows = new RowSampler(loaded, this.#generations, subjects, options);
    this.#accounts = new DeviceAccounts(loaded, options.mayRest);
    this.#subjects = subjects.flatMap((subject) => subject.open?.(parts) ?? []);
    this.#watching = this.#subjects.filter(({ isAsSeen }) => isAsSeen !== undefined);
    this.#deletions = new Deletions(probes, programs.object, { owners, subjects: this.#subjects }, deleted);
  }

  sample(): SampledDevices {
    const sample = this.#rows.sample(this.#subjects);
    this.#readTables();
    this.#states = this.#probes.states();
    const measuredBy = this.#accounts.begin(this.#states, sample.nowNs);
    if (measuredBy !== this.#measuredBy) this.#generations.allChanged();
    this.#measuredBy = measuredBy;
    const devices = sample.walk.devices.map((walked) => this.#device(walked, sample));
    const others = this.#subjects.flatMap((subject) => subject.walk?.() ?? []);
    const walks = [sample.walk, ...others];
    const complete = walks.every((one) => one.complete);
    const held = heldByAll(walks.map((one) => one.devices));
    this.#held = complete ? held : together(this.#held, held); // what an incomplete walk left out keeps its owner
    this.#recycle(sample, devices, complete, new Set(others.flatMap((one) => one.devices.map(({ id }) => id))));
    this.#accounts.walked(complete);
    return { devices: [...devices, ...others.flatMap(({ made }) => made)], complete };
  }

  /** `isLast`: the driver has gone, and no program may be run any more. */
  #readTables(isLast = false): void {
    this.#freed.read();
    for (const subject of this.#subjects) subject.read?.(isLast);
  }

  /** The device for the snapshot: the same object as before if nothing in it changed. */
  #device(walked: Walked, sample: Sample): Device {
    const { id } = walked;
    const unchanged = this.#unchanged.find(id, this.#generations.of(id));
    if (unchanged && this.#watching.every((subject) => subject.isAsSeen?.(walked))) return unchanged;
    const device = this.#make(walked, sample, false);
    // A stop or an episode of drops that goes on changes with the time, as marks do.
    const sums = sumsOf(sample.before, walked);
    const isOpen =
      this.#accounts.isMarked(device) || this.#subjects.some((subject) => subject.changesWithTime?.(walked, sums));
    return this.#unchanged.keep(id, this.#generations.of(id), device, isOpen);
  }

  /** `isFinal`: it was deleted, and no other sample will show more. */
  #make(walked: Walked, { before, after, nowNs }: Omit<Sample, 'walk'>, isFinal: boolean): Device {
    const sums = sumsOf(before, walked);
    const hints = Object.assign({}, ...this.#subjects.map((subject) => subject.see?.(walked, sums)));
    const accounts = this.#accounts.of(walked, hints, { before: sums, after: sumsOf(after, walked), isFinal });
    const view = { walked, sums: this.#accounts.isCounting ? sums : undefined, accounts, nowNs };
    return deviceOf(view, this.#subjects, this.#slots);
  }

  #recycle(
    { walk, before, after }: Sample,
    devices: readonly Device[],
    complete: boolean,
    foreign: ReadonlySet<bigint>,
  ): void {
    const sample = { walked: walk.devices, devices, complete, rows: before, rowsAfter: after, foreign };
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
    for (const table of [this.#accounts, this.#generations, ...this.#subjects]) table.remove?.(gone);
  }

  /** A deleted device, as a sample right after its end would show it. */
  #final(walked: Walked, before: Rows, after: Rows): Device {
    // A stop that is still open ended with the device: it lasts no longer than the rows say.
    return this.#make(walked, { before, after, nowNs: 0 }, true);
  }

  /** The driver goes, and all devices with it. */
  end(): void {
    const rows = this.#rows.last(this.#subjects);
    this.#readTables(true);
    this.#deletions.end(rows, (walked) => this.#final(walked, rows, rows));
  }

  pool(): ReturnType<RowSampler['pool']> {
    return this.#rows.pool();
  }

  /** The state of each program at the last sample: asking the kernel takes a call for each. */
  get states(): readonly ProbeState[] {
    return this.#states;
  }

  lostEvents(): readonly LostEvents[] {
    return this.#accounts.lostEvents();
  }

  /** What subjects know of the whole host. */
  agent(): Partial<AgentState> {
    return Object.assign({}, ...this.#subjects.map((subject) => subject.agent?.() ?? {}));
  }

  /** Runs apart from scrapes. */
  async refresh(): Promise<void> {
    const read = await this.#owners.refresh(this.#held);
    await Promise.all(this.#subjects.map((subject) => subject.refresh?.(read)));
  }

  /** Some queue is, or recently was, full or stopped. */
  get isPressed(): boolean {
    return this.#subjects.some((subject) => subject.isPressed?.());
  }

  /** Looks at the readers of queues that are or recently were full or stopped; false: there are none. */
  sampleReaders(): boolean {
    return this.#subjects.map((subject) => subject.betweenSamples?.() ?? false).includes(true);
  }
}

function sumsOf(rows: Rows, { id }: Walked): Sums {
  return rows.devices.get(id) ?? new Map();
}
