// SPDX-License-Identifier: Apache-2.0
// How often the agent looks at the host, by what it takes itself. Pure: it is told shares of all CPUs and answers with a state.

export interface Pace {
  /** Between two samples. */
  readonly seconds: number;
  /** Rules judge each how many-th look. */
  readonly judgedEvery: number;
  /** The share of the work at the first pace, at most. */
  readonly work: number;
}

/** Not slower: a load must be shed, and a reader's time told apart, within seconds. */
const PACES: readonly Pace[] = [
  { seconds: 1, judgedEvery: 1, work: 1 },
  { seconds: 2, judgedEvery: 1, work: 0.5 },
  { seconds: 2, judgedEvery: 2, work: 0.45 },
];
const USUAL: Pace = { seconds: 1, judgedEvery: 1, work: 1 };

export interface PaceState {
  readonly step: number;
  /** Measurements in a row that spoke for less work, below 0 for more. */
  readonly speaks: number;
}

export const INITIAL_PACE: PaceState = { step: 0, speaks: 0 };

const LESS_AFTER = 2;
const MORE_AFTER = 3;
/** The limits of budget.ts: coming back needs room, and a step must save something that counts. */
const ROOM = 0.7;
const WORTHWHILE = 0.1;

export function paceOf({ step }: PaceState): Pace {
  return PACES[step] ?? USUAL;
}

/** `budget`: share of all the host's CPUs; undefined: no limit. */
export function judgePace(
  { step, speaks }: PaceState,
  { agent, kernel }: { readonly agent: number; readonly kernel: number },
  budget: number | undefined,
): PaceState {
  if (budget === undefined) return INITIAL_PACE;
  const [now, faster] = [PACES[step] ?? USUAL, PACES[step - 1]];
  const isOver = step < PACES.length - 1 && agent + kernel > budget && agent > WORTHWHILE * budget;
  const hasRoom = faster !== undefined && (agent * faster.work) / now.work + kernel <= ROOM * budget;
  const next = isOver ? Math.max(0, speaks) + 1 : hasRoom ? Math.min(0, speaks) - 1 : 0;
  if (next >= LESS_AFTER) return { step: step + 1, speaks: 0 };
  return next <= -MORE_AFTER ? { step: step - 1, speaks: 0 } : { step, speaks: next };
}

/** The agent's cost at its slowest pace, from its cost now: only what is over the budget then is to be shed. */
export function leastOf(state: PaceState, agent: number): number {
  return (agent * Math.min(...PACES.map(({ work }) => work))) / paceOf(state).work;
}
