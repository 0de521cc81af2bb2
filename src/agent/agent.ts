// SPDX-License-Identifier: Apache-2.0
// Probes and snapshots together, made anew when the tun driver was loaded, unloaded or loaded again.

import { type AttachOptions, attachProbes, type Probes } from '../engine/attach.ts';
import { type SkbPath, skbPaths } from '../engine/code/skb-paths.ts';
import { LOCATION_MODULES } from '../engine/locations.ts';
import { CompanionWatch } from '../kernel/companion-watch.ts';
import { type Host, readHost, tunDriver } from '../kernel/host.ts';
import type { AgentState, Snapshot } from '../snapshot/snapshot.ts';
import { EVENTS, PROBED } from '../subjects/list.ts';
import type { SamplingInterval } from './adaptive-interval.ts';
import { DeletedLog } from './deleted-log.ts';
import { type SnapshotOptions, SnapshotTaker } from './snapshot-taker.ts';

interface Watch {
  readonly probes: Probes;
  readonly snapshots: SnapshotTaker;
  /** The load of the driver for which the probes were made. */
  readonly driver: number | undefined;
  readonly companions: string;
}

export class Agent {
  readonly #attach: AttachOptions;
  readonly #collect: SnapshotOptions;
  /** Outlives the driver. */
  readonly #ended: DeletedLog;
  readonly #companions = new CompanionWatch(LOCATION_MODULES);
  #watch: Watch;
  #failedLooks: NonNullable<AgentState['failedLooks']> = { count: 0 };

  constructor(attach: AttachOptions, collect: SnapshotOptions) {
    this.#attach = attach;
    this.#collect = collect;
    this.#ended = new DeletedLog(collect.filter);
    this.#watch = this.#begin(readHost(PROBED));
  }

  get probes(): Probes {
    return this.#watch.probes;
  }

  /** What watching costs, by part, as shares of all CPUs. */
  get overhead(): ReadonlyMap<string, number> {
    return this.#watch.snapshots.overhead();
  }

  /** How often it is to look at the host: less often where it takes more than its budget. */
  get interval(): SamplingInterval {
    return this.#watch.snapshots.interval;
  }

  /** What only needs to be fresh now and then; run every second by the sampler, never by a scrape. */
  async refresh(): Promise<void> {
    const { count } = this.#failedLooks;
    try {
      await this.#look();
      if (this.#failedLooks.reason !== undefined) this.#failedLooks = { count };
    } catch (error) {
      this.#failedLooks = { count: count + 1, reason: error instanceof Error ? error.message : String(error) };
      throw error;
    }
  }

  async #look(): Promise<void> {
    if (tunDriver() !== this.#watch.driver) {
      // Devices go with their driver, and so do their counts; addresses and types of the next load are others.
      try {
        this.#watch.snapshots.end();
      } finally {
        this.#watch.probes.close();
        this.#watch = this.#begin(readHost(PROBED));
      }
    }
    const companions = this.#companions.now();
    if (companions !== this.#watch.companions) this.#extend(companions);
    await this.#watch.snapshots.refresh();
  }

  /** A person asks about this host: what is read for questions alone is in the snapshots after the next refresh. */
  ask(): void {
    this.#watch.snapshots.ask();
  }

  /** A person watches figures that level `exact` alone has. */
  wake(): void {
    this.#watch.snapshots.wake();
  }

  /** Some queue is, or recently was, full or stopped: its reader is to be looked at between snapshots. */
  get isPressed(): boolean {
    return this.#watch.snapshots.isPressed;
  }

  /** Between snapshots; false: no queue is or was recently full or stopped. */
  sampleReaders(): boolean {
    return this.#watch.snapshots.sampleReaders();
  }

  /** Never fails because of one device, probe or namespace. */
  async take(): Promise<Snapshot> {
    const snapshot = await this.#watch.snapshots.take();
    return { ...snapshot, agent: { ...snapshot.agent, failedLooks: this.#failedLooks } };
  }

  /** Whether tun of this kernel allocates and frees packets by a CPU's caches. */
  tunPaths(): readonly SkbPath[] {
    return skbPaths(this.#watch.probes);
  }

  close(): void {
    this.#watch.probes.close();
  }

  /** Modules of VMs come with the first VM, the bridge with the first network: mostly after the agent. */
  #extend(companions: string): void {
    this.#watch = { ...this.#watch, companions }; // first: what fails once is not tried every second
    const host = readHost(PROBED);
    this.#watch.probes.extend(host);
    host.releaseTypes();
  }

  #begin(host: Host): Watch {
    const drivers = { driver: tunDriver(), companions: this.#companions.now() };
    const probes = attachProbes(host, EVENTS, this.#attach);
    host.releaseTypes();
    return { probes, snapshots: new SnapshotTaker(host, probes, this.#collect, this.#ended), ...drivers };
  }
}
