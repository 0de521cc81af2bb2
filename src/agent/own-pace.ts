// SPDX-License-Identifier: Apache-2.0
// The agent's own CPU time against the budget, and how often it looks at the host because of it.
import { agentCpuUs } from '../kernel/processes/agent-cpu.ts';
import { INITIAL_PACE, judgePace, leastOf, type Pace, type PaceState, paceOf } from './pace.ts';

/** Long enough that a scrape or what is looked up every ten seconds makes no difference. */
const PERIOD_MS = 10_000;
/** What V8 compiles after the start is dear, and over soon. */
const YOUNG_MS = 20_000;

interface Baseline {
  readonly usedUs: number;
  readonly atMs: number;
}

export class OwnPace {
  readonly #budget: number | undefined;
  readonly #cpus: number;
  readonly #startedMs = performance.now();
  #from: Baseline | undefined;
  #state: PaceState = INITIAL_PACE;

  /** `budget`: share of all CPUs; undefined: no limit. */
  constructor({ budget, cpus }: { readonly budget: number | undefined; readonly cpus: number }) {
    this.#budget = budget;
    this.#cpus = cpus;
  }

  get now(): Pace {
    return paceOf(this.#state);
  }

  /** `kernel`: what our programs take, as a share of all CPUs. To be called every other second. */
  tick(kernel: number): void {
    const atMs = performance.now();
    if (this.#budget === undefined || atMs - this.#startedMs < YOUNG_MS) return;
    const from = this.#from;
    if (from && atMs - from.atMs < PERIOD_MS) return;
    if (from) {
      const agent = (agentCpuUs() - from.usedUs) / 1000 / (atMs - from.atMs) / this.#cpus;
      this.#state = judgePace(this.#state, { agent, kernel }, this.#budget);
    }
    this.#from = { usedUs: agentCpuUs(), atMs };
  }

  /** The agent's cost at its slowest pace, from its cost now. */
  least(agent: number): number {
    return leastOf(this.#state, agent);
  }
}
