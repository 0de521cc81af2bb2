// SPDX-License-Identifier: Apache-2.0
// Takes snapshots: the devices of a sample, beside what the agent knows of itself and of namespaces.

import type { Probes } from '../engine/attach.ts';
import { Question } from '../engine/question.ts';
import type { DeviceFilter } from '../inventory/device-filter.ts';
import { Owners } from '../inventory/owners.ts';
import type { Tenants } from '../inventory/tenants.ts';
import { cpuCgroup } from '../kernel/cpu-cgroup.ts';
import type { Host } from '../kernel/host.ts';
import type { Device } from '../snapshot/device.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { SUBJECTS } from '../subjects/list.ts';
import type { SamplingInterval } from './adaptive-interval.ts';
import { DeletedLog } from './deleted-log.ts';
import { DeviceSampler } from './device-sampler.ts';
import { type LevelChoice, LevelControl } from './level-control.ts';
import { LinkSampler } from './link-sampler.ts';
import { NamespaceNames } from './namespace-names.ts';

export interface SnapshotOptions {
  readonly filter: DeviceFilter;
  /** Keep counters of single CPUs. */
  readonly perCpu: boolean;
  /** Share of all CPUs that watching may cost; undefined: no limit. */
  readonly budget: number | undefined;
  /** auto: at rest until something asks for more; absent: exact. */
  readonly level?: LevelChoice;
  /** The tenants of guests; absent: they are not asked for. */
  readonly tenants?: Tenants;
}

/** Drops of devices that are not shown cause no more samples than one in so long. */
const HEARD_EVERY_MS = 1000;

export class SnapshotTaker {
  readonly #probes: Probes;
  readonly #options: SnapshotOptions;
  readonly #question = new Question();
  readonly #sampler: DeviceSampler | undefined;
  readonly #deleted: DeletedLog;
  readonly #level: LevelControl;
  readonly #names = new NamespaceNames();
  readonly #cpuCgroup = cpuCgroup();
  readonly #owners: Owners;
  readonly #links: LinkSampler;
  /** Walks that were not complete. */
  #incomplete = 0;
  #heardMs = Number.NEGATIVE_INFINITY;

  constructor(host: Host, probes: Probes, options: SnapshotOptions, deleted = new DeletedLog(options.filter)) {
    this.#probes = probes;
    this.#options = options;
    this.#level = new LevelControl(host, probes, options);
    this.#deleted = deleted;
    const programs = probes.can('walk') ? probes.programs : undefined;
    this.#owners = new Owners(probes, options.tenants, programs?.object);
    this.#links = new LinkSampler(this.#owners);
    if (this.#level.isChosenHere) programs?.listenForDrops(() => this.#hearOfDrop());
    if (programs)
      this.#sampler = new DeviceSampler(
        { probes, programs, question: this.#question },
        SUBJECTS,
        this.#owners,
        deleted,
        { perCpu: options.perCpu, filter: options.filter, mayRest: this.#level.mayRest },
      );
  }

  /** What only needs to be fresh now and then; run every second by the sampler, never by a scrape. */
  async refresh(): Promise<void> {
    if (this.#sampler) await this.#sampler.refresh();
    else await this.#owners.refresh([]);
    await this.#level.govern();
    await this.#names.refresh();
  }

  /** A person asks about this host. */
  ask(): void {
    this.#question.ask();
    this.#names.forget(); // a namespace may have its name since a moment
    this.wake();
  }

  /** A person watches figures that level `exact` alone has. */
  wake(): void {
    this.#level.wake();
  }

  /** Some queue is, or recently was, full or stopped. */
  get isPressed(): boolean {
    return this.#sampler?.isPressed ?? false;
  }

  /** Between snapshots; false: no queue is or was recently full or stopped. */
  sampleReaders(): boolean {
    return this.#sampler?.sampleReaders() ?? false;
  }

  /** Never fails because of one device, probe or namespace. */
  async take(): Promise<Snapshot> {
    const started = performance.now();
    const takenAt = Date.now() / 1000;
    const devices = await this.#readDevices();
    const level = this.#probes.level();
    const epoch = this.#probes.epoch();
    const shown = devices.filter(({ name }) => this.#options.filter(name));
    this.#level.see(devices, shown);
    const hidden = devices.length - shown.length;
    this.#names.see(devices);
    const pool = this.#sampler?.pool();
    const { netns, namespaceNames, namespacePaths } = this.#names.now;
    return {
      takenAt,
      devices: shown,
      agent: {
        probes: this.#sampler?.states ?? this.#probes.states(),
        rowsUsed: pool?.used,
        rowsCapacity: pool?.capacity,
        eventsLost: this.#sampler?.lostEvents() ?? [],
        netns,
        namespacesUnresolved: this.#links.unresolved,
        namespaceNames,
        namespacePaths,
        cpuCgroup: this.#cpuCgroup,
        incompleteSnapshots: this.#incomplete + this.#links.incomplete,
        overhead: this.overhead(),
        level,
        sheds: this.#level.sheds,
        pace: this.interval,
        epoch,
        ...this.#sampler?.agent(),
        ...(this.#sampler && { ended: this.#deleted.now }),
        ...(hidden > 0 && { hiddenDevices: hidden }),
        snapshotSeconds: (performance.now() - started) / 1000,
      },
    };
  }

  /** The driver goes, and all devices with it. */
  end(): void {
    this.#sampler?.end();
  }

  /** At rest: a sample tells whether it is of a device that is shown. */
  #hearOfDrop(): void {
    const now = performance.now();
    const pauseMs = Math.max(0, this.#heardMs + HEARD_EVERY_MS - now);
    this.#heardMs = now + pauseMs;
    const sample = (): unknown => this.take().catch(() => undefined); // the next one fails too, and is reported
    if (pauseMs === 0) sample();
    else setTimeout(sample, pauseMs).unref();
  }

  /** How often it is to look at the host. */
  get interval(): SamplingInterval {
    return this.#level.interval;
  }

  /** The cost of each part of the agent, as shares of all CPUs; empty until it was measured. The same object until it is measured again. */
  overhead(): ReadonlyMap<string, number> {
    return this.#level.overhead();
  }

  async #readDevices(): Promise<readonly Device[]> {
    if (this.#sampler) {
      const { devices, complete } = this.#sampler.sample();
      this.#level.sampled();
      if (!complete) this.#incomplete++;
      return devices;
    }
    return this.#probes.mechanism('devices') === undefined ? [] : this.#links.sample();
  }
}
