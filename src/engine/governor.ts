// SPDX-License-Identifier: Apache-2.0
// Keeps the agent inside its budget: measures what watching costs, and says when what lies on the enqueue path is to be given up or taken back.
import { agentCpuUs } from '../kernel/processes/agent-cpu.ts';
import { receivedPackets } from '../kernel/received-packets.ts';
import type { Probes } from './attach.ts';
import { type BudgetState, type Cost, INITIAL_BUDGET, judgeCost } from './budget.ts';
import type { ProbeEvent } from './mechanism.ts';
import { OverheadMeter } from './overhead-meter.ts';

interface GovernorOptions {
  /** Share of all CPUs; undefined: no limit. */
  readonly budget: number | undefined;
  readonly cpus: number;
  /** Packets that all devices were given so far, by the kernel's own counters. */
  readonly packets: () => number;
  /** The agent's cost at its longest interval, from its cost now: it slows down before the enqueue path is left. */
  readonly least: (agent: number) => number;
}

/** What all devices were given so far. */
interface Tally {
  readonly packets: number;
  /** Packets of the whole host; undefined: none of them costs anything. */
  readonly ofHost?: number | undefined;
  readonly atMs: number;
}

const IDLE_PERIOD_S = 60;
/** What V8 compiles after the start is dear, and over soon. */
export const YOUNG_MS = 20_000;
/** More than any packet costs on the enqueue path, seconds: BENCHMARKS.md has about 500 instructions in raw mode. */
const DEAR_PACKET_S = 2e-6;

export class Governor {
  readonly #probes: Probes;
  readonly #options: GovernorOptions;
  readonly #meter: OverheadMeter | undefined;
  /** Programs on the enqueue path, whichever mechanism has them. */
  readonly #onEnqueuePath: ReadonlySet<string>;
  /** Those of them that run for each packet of the host. */
  readonly #forAllPackets: readonly string[];
  #state: BudgetState = INITIAL_BUDGET;
  #cost: Cost | undefined;
  #userUs = agentCpuUs();
  #tally: Tally = { packets: 0, atMs: performance.now() };
  /** Packets a second between the last two ticks. */
  #rate = 0;
  readonly #startedMs = performance.now();
  #measuredMs = this.#startedMs;
  /** CPUs × seconds for one packet on the enqueue path, when it was last counted there. */
  #packetPrice = 0;

  constructor(probes: Probes, options: GovernorOptions) {
    this.#probes = probes;
    this.#options = options;
    this.#onEnqueuePath = new Set(probes.choices().flatMap(({ event }) => shedPrograms(event)));
    this.#forAllPackets = [...this.#onEnqueuePath].filter((name) => isForAllPackets(probes, name));
    if (probes.programs && probes.can('walk')) this.#meter = new OverheadMeter(probes.programs);
  }

  /** undefined until the first measurement. */
  get cost(): Cost | undefined {
    return this.#cost;
  }

  /** The level that the budget has room for. */
  get level(): BudgetState['level'] {
    return this.#state.level;
  }

  get sheds(): number {
    return this.#state.sheds;
  }

  /** Measures for a tenth of a second and judges; to be called every other second. */
  async tick(): Promise<void> {
    if (!this.#meter) return;
    if (performance.now() - this.#startedMs < YOUNG_MS) return this.#begin();
    const tally = this.#tallyNow();
    this.#rate = packetRate(this.#tally, tally);
    this.#tally = tally;
    if (!this.#mustMeasure()) return;
    const price = await this.#meter.measure(this.#probes.attached());
    if (!price) return;
    const prices = [...price];
    const kernel = sumOf(prices);
    const enqueuePath = sumOf(prices.filter(([program]) => this.#onEnqueuePath.has(program)));
    this.#cost = this.#costNow(kernel, enqueuePath);
    const least = { ...this.#cost, agent: this.#options.least(this.#cost.agent) };
    this.#state = judgeCost(this.#state, least, this.#options.budget);
  }

  #begin(): void {
    this.#userUs = agentCpuUs();
    this.#tally = this.#tallyNow();
    this.#measuredMs = this.#tally.atMs;
  }

  #tallyNow(): Tally {
    const attached = this.#probes.attached();
    const ofHost = this.#forAllPackets.some((name) => attached.includes(name)) ? receivedPackets() : undefined;
    return { packets: this.#options.packets(), ofHost, atMs: performance.now() };
  }

  /**
   * Switching the kernel's statistics on and off costs every CPU an interrupt or two. So the agent does it seldom while
   * packets are too few to matter, and never without a budget.
   */
  #mustMeasure(): boolean {
    const { budget, cpus } = this.#options;
    if (budget === undefined) return false;
    const seconds = (performance.now() - this.#measuredMs) / 1000;
    const isLean = this.#probes.level() === 'lean';
    // At rest packets cost nothing, unless programs tell several queues apart.
    const isDear = this.#countsEntries() && this.#rate * DEAR_PACKET_S > (budget * cpus) / 2;
    return seconds > IDLE_PERIOD_S || isLean || isDear;
  }

  #countsEntries(): boolean {
    return this.#probes.attached().some((name) => this.#onEnqueuePath.has(name));
  }

  #costNow(kernelCpus: number, enqueueCpus: number): Cost {
    const now = performance.now();
    const userUs = agentCpuUs();
    const seconds = (now - this.#measuredMs) / 1000;
    const rate = this.#rate;
    const countsEntries = this.#countsEntries();
    if (countsEntries && rate > 0 && enqueueCpus > 0) this.#packetPrice = enqueueCpus / rate;
    const agentCpus = (userUs - this.#userUs) / 1e6 / seconds;
    this.#userUs = userUs;
    this.#measuredMs = now;
    const share = 1 / this.#options.cpus;
    return {
      kernel: kernelCpus * share,
      agent: agentCpus * share,
      enqueuePath: (countsEntries ? enqueueCpus : rate * this.#packetPrice) * share,
    };
  }
}

function shedPrograms({ shed = [], mechanisms }: ProbeEvent): readonly string[] {
  return mechanisms.flatMap(({ name, programs }) => (shed.includes(name) ? programs : []));
}

/** It is at a tracepoint, which all devices share, and not at a function of tun. */
function isForAllPackets({ programs }: Probes, name: string): boolean {
  const section = programs?.object.programs.find((program) => program.name === name)?.section ?? '';
  return /^\??(?:raw_tp|tp_btf)\//.test(section);
}

/** Packets a second that cost something, between two ticks. Gone devices take their counters along, which hides the packets of one tick. */
export function packetRate(before: Tally, now: Tally): number {
  const ofHost = now.ofHost === undefined || before.ofHost === undefined ? 0 : now.ofHost - before.ofHost;
  const packets = Math.max(0, now.packets - before.packets) + Math.max(0, ofHost);
  return (1000 * packets) / (now.atMs - before.atMs);
}

function sumOf(prices: readonly (readonly [string, number])[]): number {
  return prices.reduce((sum, [, cpus]) => sum + cpus, 0);
}
