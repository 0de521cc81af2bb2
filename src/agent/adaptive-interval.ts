// SPDX-License-Identifier: Apache-2.0
// The agent's own CPU time against the budget, and how often it looks at the host because of it.
import { YOUNG_MS } from '../engine/governor.ts';
import { agentCpuUs } from '../kernel/processes/agent-cpu.ts';

export interface SamplingInterval {
  /** Between two samples. */
  readonly seconds: number;
  /** Rules judge each how many-th look. */
  readonly judgedEvery: number;
  /** The share of the work at the shortest interval, at most. */
  readonly work: number;
}

/** Not slower: a load must be shed, and a reader's time told apart, within seconds. */
const INTERVALS: readonly SamplingInterval[] = [
  { seconds: 1, judgedEvery: 1, work: 1 },
  { seconds: 2, judgedEvery: 1, work: 0.5 },
  { seconds: 2, judgedEvery: 2, work: 0.45 },
];

const USUAL: SamplingInterval = { seconds: 1, judgedEvery: 1, work: 1 };

export interface IntervalState {
  readonly step: number;
  /** Measurements in a row that spoke for less work, below 0 for more. */
  readonly speaks: number;
}

export const INITIAL_INTERVAL: IntervalState = { step: 0, speaks: 0 };

const LESS_AFTER = 2;

const MORE_AFTER = 3;

/** The limits of budget.ts: coming back needs room, and a step must save something that counts. */
const ROOM = 0.7;

const WORTHWHILE = 0.1;

export function intervalOf({ step }: IntervalState): SamplingInterval {
  return INTERVALS[step] ?? USUAL;
}

/** `budget`: share of all the host's CPUs; undefined: no limit. */
export function judgeInterval(
  { step, speaks }: IntervalState,
  { agent, kernel }: { readonly agent: number; readonly kernel: number },
  budget: number | undefined,
): IntervalState {
  if (budget === undefined) return INITIAL_INTERVAL;
  const [now, faster] = [INTERVALS[step] ?? USUAL, INTERVALS[step - 1]];
  const isOver = step < INTERVALS.length - 1 && agent + kernel > budget && agent > WORTHWHILE * budget;
  const fasterCost = faster && (agent * faster.work) / now.work;
  // Where the faster pace costs next to nothing, a slower one gives no room: what is used up is the programs'.
  const hasRoom =
    fasterCost !== undefined && (fasterCost + kernel <= ROOM * budget || fasterCost <= ROOM * WORTHWHILE * budget);
  const next = isOver ? Math.max(0, speaks) + 1 : hasRoom ? Math.min(0, speaks) - 1 : 0;
  if (next >= LESS_AFTER) return { step: step + 1, speaks: 0 };
  return next <= -MORE_AFTER ? { step: step - 1, speaks: 0 } : { step, speaks: next };
}

/** The agent's cost at its longest interval, from its cost now: only what is over the budget then is to be shed. */
export function leastOf(state: IntervalState, agent: number): number {
  return (agent * Math.min(...INTERVALS.map(({ work }) => work))) / intervalOf(state).work;
}

/** Long enough that a scrape or what is looked up every ten seconds makes no difference. */
const PERIOD_MS = 10_000;
/** The call every other second came so late: the agent stood still, or slept with its machine. */
const STALLED_MS = 6000;

interface Baseline {
  readonly usedUs: number;
  readonly atMs: number;
}

export class AdaptiveInterval {
  readonly #budget: number | undefined;
  readonly #cpus: number;
  readonly #startedMs = performance.now();
  #calledMs = this.#startedMs;
  #from: Baseline | undefined;
  #state: IntervalState = INITIAL_INTERVAL;

  /** `budget`: share of all CPUs; undefined: no limit. */
  constructor({ budget, cpus }: { readonly budget: number | undefined; readonly cpus: number }) {
    this.#budget = budget;
    this.#cpus = cpus;
  }

  get now(): SamplingInterval {
    return intervalOf(this.#state);
  }

  /** `kernel`: what our programs take, as a share of all CPUs. To be called every other second. */
  tick(kernel: number): void {
    const atMs = performance.now();
    if (this.#budget === undefined || atMs - this.#startedMs < YOUNG_MS) return;
    const isStalled = atMs - this.#calledMs > STALLED_MS;
    this.#calledMs = atMs;
    const from = isStalled ? undefined : this.#from;
    if (from && atMs - from.atMs < PERIOD_MS) return;
    if (from) {
      const agent = (agentCpuUs() - from.usedUs) / 1000 / (atMs - from.atMs) / this.#cpus;
      this.#state = judgeInterval(this.#state, { agent, kernel }, this.#budget);
    }
    this.#from = { usedUs: agentCpuUs(), atMs };
  }

  /** The agent's cost at its longest interval, from its cost now. */
  least(agent: number): number {
    return leastOf(this.#state, agent);
  }
}
