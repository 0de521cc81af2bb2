// SPDX-License-Identifier: Apache-2.0
// When the programs on the enqueue path are detached, and when they come back. Pure: costs in, a level out.
import { onlineCpus } from '../kernel/online-cpus.ts';

/** What watching cost recently, as shares of all the host's CPUs. */
export interface Cost {
  /** Our programs in the kernel, hooks included. */
  readonly kernel: number;
  /** This process. */
  readonly agent: number;
  /** What the probes on the enqueue path cost, or at level lean would cost now. */
  readonly enqueuePath: number;
}

export interface BudgetState {
  readonly level: 'exact' | 'lean';
  /** Measurements in a row that spoke for the other level. */
  readonly against: number;
  /** Quiet measurements that it takes to go back to `exact`; doubles when going back was a mistake. */
  readonly patience: number;
  /** Measurements since the level last changed. */
  readonly age: number;
  readonly sheds: number;
}

/** Two measurements 2 s apart: a load that stays is shed within 5 s. */
const SHED_AFTER = 2;
const RETURN_AFTER = 5;
const LONGEST_PATIENCE = 300;
/** Going back to `exact` needs room: its expected cost must be this much below the budget. */
const ROOM = 0.7;
/** Leaving the enqueue path must save at least this share of the budget. */
const WORTHWHILE = 0.1;

export const INITIAL_BUDGET: BudgetState = { level: 'exact', against: 0, patience: RETURN_AFTER, age: 0, sheds: 0 };

/** budget: share of all the host's CPUs; undefined: no limit. */
export function judgeCost(state: BudgetState, cost: Cost, budget: number | undefined): BudgetState {
  if (budget === undefined) return { ...state, age: state.age + 1 };
  const exact = state.level === 'exact';
  const spent = cost.kernel + cost.agent;
  const speaks = exact
    ? spent > budget && cost.enqueuePath > WORTHWHILE * budget
    : spent + cost.enqueuePath <= ROOM * budget || cost.enqueuePath <= ROOM * WORTHWHILE * budget;
  const against = speaks ? state.against + 1 : 0;
  const aged = { ...state, against, age: state.age + 1 };
  if (exact) return against >= SHED_AFTER ? shed(aged) : aged;
  return against >= state.patience ? { ...aged, level: 'exact', against: 0, age: 0 } : aged;
}

function shed(state: BudgetState): BudgetState {
  const tooSoon = state.sheds > 0 && state.age <= 2 * SHED_AFTER;
  const patience = tooSoon ? Math.min(2 * state.patience, LONGEST_PATIENCE) : RETURN_AFTER;
  return { level: 'lean', against: 0, patience, age: 0, sheds: state.sheds + 1 };
}

/** Of all CPUs, where nothing else is asked for. */
const USUAL = 0.01;
/** Of one CPU: on a small host 1 % of all would be less than a program of this kind needs. */
const LEAST_OF_ONE = 0.05;

/** `auto`, `1%`, `0.5%` or `off`; the answer is a share of all CPUs that are online. */
export function parseBudget(text: string, online = onlineCpus()): number | undefined {
  if (text === 'off') return undefined;
  if (text === 'auto') return Math.max(USUAL, LEAST_OF_ONE / online);
  const percent = Number(/^(\d+(?:\.\d+)?)%$/.exec(text)?.[1]);
  if (!(percent > 0 && percent <= 100))
    throw new Error(
      `--budget=${text} is no share of the host's CPUs; write for example 1%, auto, or off for no limit.`,
    );
  return percent / 100;
}
