// SPDX-License-Identifier: Apache-2.0
// At which level programs are attached: what somebody asks for, what is going on, and what the budget has room for.
import type { Probes } from '../engine/attach.ts';
import { Governor } from '../engine/governor.ts';
import type { Level } from '../engine/mechanism.ts';
import { mayDieOfPatching } from '../kernel/emulated.ts';
import type { Host } from '../kernel/host.ts';
import type { Device } from '../snapshot/device.ts';
import { AdaptiveInterval, type SamplingInterval } from './adaptive-interval.ts';
import { Attention } from './attention.ts';

/** auto: `rest` while all is well, else `exact`; the others stay. */
export const levelChoices = ['auto', 'exact', 'rest'] as const;

export type LevelChoice = (typeof levelChoices)[number];

const GOVERNED_EVERY_MS = 1900;

export class LevelControl {
  readonly #probes: Probes;
  readonly #choice: LevelChoice;
  readonly #governor: Governor;
  readonly #interval: AdaptiveInterval;
  readonly #attention = new Attention();
  /** Set last; a test may have set another since. */
  #setTo: Level = 'exact';
  /** A sample was taken at that level: what the accounts do not see between two changes they would not have. */
  #isSeenByAccounts = true;
  #packets = 0;
  #governedMs = performance.now();
  #cost: Governor['cost'];
  /** Of that cost. */
  #overhead: ReadonlyMap<string, number> = new Map();

  constructor(
    { onlineCpus: cpus }: Pick<Host, 'onlineCpus'>,
    probes: Probes,
    { budget, level = 'exact' }: { readonly budget: number | undefined; readonly level?: LevelChoice },
  ) {
    this.#probes = probes;
    const interval = new AdaptiveInterval({ budget, cpus });
    this.#interval = interval;
    this.#governor = new Governor(probes, {
      budget,
      cpus,
      packets: () => this.#packets,
      least: (agent) => interval.least(agent),
    });
    // Programs that come and go under load may kill such a machine.
    this.#choice = mayDieOfPatching() && level === 'auto' ? 'exact' : level;
  }

  /** By what is going on. */
  get isChosenHere(): boolean {
    return this.#choice === 'auto';
  }

  get mayRest(): boolean {
    return this.#choice !== 'exact';
  }

  get sheds(): number {
    return this.#governor.sheds;
  }

  /** How often the host is to be looked at. */
  get interval(): SamplingInterval {
    return this.#interval.now;
  }

  /** A person watches figures that level `exact` alone has. */
  wake(): void {
    this.#attention.want();
    this.#set();
  }

  /** The devices of a sample, and those of them that are shown. */
  see(devices: readonly Device[], shown: readonly Device[]): void {
    if (this.#choice === 'auto') this.#attention.see(shown);
    this.#set();
    this.#packets = devices.reduce(
      (sum, { counters }) => sum + (counters?.txPackets ?? 0) + (counters?.txDropped ?? 0),
      0,
    );
  }

  /** The accounts have seen this level. */
  sampled(): void {
    this.#isSeenByAccounts = true;
  }

  /** Run every second; never for a scrape. */
  async govern(): Promise<void> {
    if (performance.now() - this.#governedMs < GOVERNED_EVERY_MS) return;
    this.#governedMs = performance.now();
    this.#interval.tick(this.#governor.cost?.kernel ?? 0);
    await this.#governor.tick();
    this.#set();
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

  /** Programs are attached where something asks for them and the budget has room; the figures of this sample are of the level before. */
  #set(): void {
    const isWanted = this.#choice === 'exact' || (this.#choice === 'auto' && this.#attention.isAwake());
    // Where entries tell several queues apart, a rest costs each packet nearly as much.
    const isBudgeted = isWanted || (this.#governor.level === 'lean' && this.#probes.isDemanded('entries'));
    const level = isBudgeted ? this.#governor.level : 'rest';
    if ((level === this.#setTo && !this.#probes.isShort()) || !this.#isSeenByAccounts) return;
    this.#setTo = level;
    this.#isSeenByAccounts = false;
    this.#probes.setLevel(level);
  }
}
