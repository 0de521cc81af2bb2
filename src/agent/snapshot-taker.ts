// SPDX-License-Identifier: Apache-2.0
// Takes snapshots: the devices of a sample, beside what the agent knows of itself and of namespaces.

import type { Probes } from '../engine/attach.ts';
import { Governor } from '../engine/governor.ts';
import type { Level } from '../engine/mechanism.ts';
import { Question } from '../engine/question.ts';
import type { DeviceFilter } from '../inventory/device-filter.ts';
import { type LinkInventory, readLinkInventory } from '../inventory/links.ts';
import { Owners } from '../inventory/owners.ts';
import type { Tenants } from '../inventory/tenants.ts';
import { cpuCgroup } from '../kernel/cpu-cgroup.ts';
import { mayDieOfPatching } from '../kernel/emulated.ts';
import type { Host } from '../kernel/host.ts';
import { namespaceName, namespacePaths, ownNamespace } from '../kernel/namespaces.ts';
import type { Device } from '../snapshot/device.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { SUBJECTS } from '../subjects/list.ts';
import { AdaptiveInterval, type SamplingInterval } from './adaptive-interval.ts';
import { Attention } from './attention.ts';
import { DeletedLog } from './deleted-log.ts';
import { DeviceSampler } from './device-sampler.ts';

/** auto: `rest` while all is well, else `exact`; the others stay. */
export const levelChoices = ['auto', 'exact', 'rest'] as const;

export type LevelChoice = (typeof levelChoices)[number];

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

/** Devices by rtnetlink are read again when they are older than this: a dump takes RTNL, and who looks each second wants the second's figures. */
const LINKS_AGE_MS = 900;
const SLOW_AGE_MS = 10_000;
const GOVERNED_EVERY_MS = 1900;
/** Drops of devices that are not shown cause no more samples than one in so long. */
const HEARD_EVERY_MS = 1000;

export class SnapshotTaker {
  readonly #probes: Probes;
  readonly #options: SnapshotOptions;
  readonly #question = new Question();
  readonly #sampler: DeviceSampler | undefined;
  readonly #deleted: DeletedLog;
  readonly #governor: Governor;
  readonly #interval: AdaptiveInterval;
  readonly #attention = new Attention();
  readonly #level: LevelChoice;
  /** Set last; a test may have set another since. */
  #setTo: Level = 'exact';
  /** A sample was taken at that level: what the accounts do not see between two changes they would not have. */
  #isSeenByAccounts = true;
  readonly #cpuCgroup = cpuCgroup();
  readonly #owners: Owners;
  #links: LinkInventory = { devices: [], unresolved: 0 };
  #linksReadMs = Number.NEGATIVE_INFINITY;
  #linksRead: Promise<void> | undefined;
  #names: ReadonlyMap<number, string> = new Map();
  #paths: ReadonlyMap<number, string> = new Map();
  #netns: number | undefined;
  /**
   * The first device of each namespace, and as names were last looked up: a new namespace gets its name at once, also
   * where it has the number of one that died.
   */
  #seenIn: ReadonlyMap<number, string> = new Map();
  #namedIn: ReadonlyMap<number, string> = new Map();
  #slowReadMs = Number.NEGATIVE_INFINITY;
  #incomplete = 0;
  #packets = 0;
  #governedMs = performance.now();
  #cost: Governor['cost'];
  /** Of that cost. */
  #overhead: ReadonlyMap<string, number> = new Map();
  #heardMs = Number.NEGATIVE_INFINITY;

  constructor(host: Host, probes: Probes, options: SnapshotOptions, deleted = new DeletedLog(options.filter)) {
    this.#probes = probes;
    const { budget } = options;
    const cpus = host.onlineCpus;
    const interval = new AdaptiveInterval({ budget, cpus });
    this.#interval = interval;
    this.#governor = new Governor(probes, {
      budget,
      cpus,
      packets: () => this.#packets,
      least: (agent) => interval.least(agent),
    });
    this.#options = options;
    // Programs that come and go under load may kill such a machine.
    this.#level = mayDieOfPatching() && options.level === 'auto' ? 'exact' : (options.level ?? 'exact');
    this.#deleted = deleted;
    const programs = probes.can('walk') ? probes.programs : undefined;
    this.#owners = new Owners(probes, options.tenants, programs?.object);
    if (this.#level === 'auto') programs?.listenForDrops(() => this.#hearOfDrop());
    if (programs)
      this.#sampler = new DeviceSampler(
        { probes, programs, question: this.#question },
        SUBJECTS,
        this.#owners,
        deleted,
        { perCpu: options.perCpu, filter: options.filter, mayRest: this.#level !== 'exact' },
      );
  }

  /** What only needs to be fresh now and then; run every second by the sampler, never by a scrape. */
  async refresh(): Promise<void> {
    if (this.#sampler) await this.#sampler.refresh();
    else await this.#owners.refresh([]);
    await this.#govern();
    const isNew = [...this.#seenIn].some(([netns, id]) => this.#namedIn.get(netns) !== id);
    if (!isNew && performance.now() - this.#slowReadMs < SLOW_AGE_MS) return;
    this.#slowReadMs = performance.now();
    this.#namedIn = this.#seenIn;
    this.#paths = await namespacePaths();
    this.#names = new Map([...this.#paths].map(([inode, path]) => [inode, namespaceName(path)]));
    this.#netns = await ownNamespace();
  }

  /** A person asks about this host. */
  ask(): void {
    this.#question.ask();
    this.#slowReadMs = Number.NEGATIVE_INFINITY; // a namespace may have its name since a moment
    this.wake();
  }

  /** A person watches figures that level `exact` alone has. */
  wake(): void {
    this.#attention.want();
    this.#setLevel();
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
    this.#attend(shown);
    const hidden = devices.length - shown.length;
    this.#seenIn = firstDevices(devices);
    const pool = this.#sampler?.pool();
    this.#packets = devices.reduce(
      (sum, { counters }) => sum + (counters?.txPackets ?? 0) + (counters?.txDropped ?? 0),
      0,
    );
    return {
      takenAt,
      devices: shown,
      agent: {
        probes: this.#sampler?.states ?? this.#probes.states(),
        rowsUsed: pool?.used,
        rowsCapacity: pool?.capacity,
        eventsLost: this.#sampler?.lostEvents() ?? [],
        netns: this.#netns,
        namespacesUnresolved: this.#links.unresolved,
        namespaceNames: this.#names,
        namespacePaths: this.#paths,
        cpuCgroup: this.#cpuCgroup,
        incompleteSnapshots: this.#incomplete,
        overhead: this.overhead(),
        level,
        sheds: this.#governor.sheds,
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

  #attend(devices: readonly Device[]): void {
    if (this.#level === 'auto') this.#attention.see(devices);
    this.#setLevel();
  }

  /** Programs are attached where something asks for them and the budget has room; the figures of this sample are of the level before. */
  #setLevel(): void {
    const isWanted = this.#level === 'exact' || (this.#level === 'auto' && this.#attention.isAwake());
    // Where entries tell several queues apart, a rest costs each packet nearly as much.
    const isBudgeted = isWanted || (this.#governor.level === 'lean' && this.#probes.isDemanded('entries'));
    const level = isBudgeted ? this.#governor.level : 'rest';
    if ((level === this.#setTo && !this.#probes.isShort()) || !this.#isSeenByAccounts) return;
    this.#setTo = level;
    this.#isSeenByAccounts = false;
    this.#probes.setLevel(level);
  }

  async #govern(): Promise<void> {
    if (performance.now() - this.#governedMs < GOVERNED_EVERY_MS) return;
    this.#governedMs = performance.now();
    this.#interval.tick(this.#governor.cost?.kernel ?? 0);
    await this.#governor.tick();
    this.#setLevel();
  }

  /** How often it is to look at the host. */
  get interval(): SamplingInterval {
    return this.#interval.now;
  }

  /** The cost of each part of the agent, as shares of all CPUs; empty until it was measured. The same object until it is measured again. */
  overhead(): ReadonlyMap<string, number> {
    const { cost } = this.#governor;
    if (cost !== this.#cost)
      this.#overhead = new Map(
        cost && [
          ['kernel', cost.kernel],
          ['agent', cost.agent],
        ],
      );
    this.#cost = cost;
    return this.#overhead;
  }

  async #readDevices(): Promise<readonly Device[]> {
    if (this.#sampler) {
      const { devices, complete } = this.#sampler.sample();
      this.#isSeenByAccounts = true;
      if (!complete) this.#incomplete++;
      return devices;
    }
    if (this.#probes.mechanism('devices') === undefined) return [];
    if (performance.now() - this.#linksReadMs >= LINKS_AGE_MS) this.#linksRead ??= this.#readLinks();
    // Who comes meanwhile gets the same, not what was read before.
    await this.#linksRead;
    return this.#links.devices;
  }

  async #readLinks(): Promise<void> {
    try {
      this.#links = await readLinkInventory(this.#owners);
      this.#linksReadMs = performance.now();
      if (this.#links.unresolved > 0) this.#incomplete++;
    } finally {
      this.#linksRead = undefined;
    }
  }
}

function firstDevices(devices: readonly Device[]): ReadonlyMap<number, string> {
  const first = new Map<number, string>();
  for (const { netns, id } of devices) if (!first.has(netns)) first.set(netns, id);
  return first;
}
