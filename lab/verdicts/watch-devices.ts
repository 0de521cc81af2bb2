// SPDX-License-Identifier: Apache-2.0
// The agent as `tapscope serve` has it, a snapshot a second, each judged with the ten seconds before it.
import { setTimeout as wait } from 'node:timers/promises';
import { Agent } from '../../src/agent/agent.ts';
import { type TrackedFinding, track } from '../../src/diagnosis/active-findings.ts';
import type { Finding } from '../../src/diagnosis/finding.ts';
import { judge } from '../../src/diagnosis/judge.ts';
import { windowOf } from '../../src/diagnosis/window.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { parseForced } from '../../src/subjects/list.ts';
import type { Scenario } from './scenario.ts';
import { VERDICT_SECONDS } from './score.ts';

export interface Judgement {
  readonly at: number;
  /** The active findings, in the order in which they are told. */
  readonly findings: readonly Finding[];
  /** What was judged. */
  readonly window: readonly Snapshot[];
}

const PERIOD_MS = 1000;
const LOOK_MS = { least: 25, most: 75 };

/** How the agent of a scenario differs from the usual one. */
type Special = Pick<Scenario, 'mechanisms' | 'budget'>;

/** Watches as long as `run` takes. */
export async function watch(
  { mechanisms = [], budget }: Special,
  run: (watched: Watch) => Promise<void>,
): Promise<void> {
  const agent = new Agent(
    { forced: parseForced(mechanisms), pin: true },
    { filter: () => true, perCpu: false, budget },
  );
  const watched = new Watch(agent);
  try {
    await watched.begin();
    await run(watched);
  } finally {
    await watched.end();
    agent.close();
  }
}

export class Watch {
  readonly judgements: Judgement[] = [];
  readonly #agent: Agent;
  #snapshots: readonly Snapshot[] = [];
  #standings: readonly TrackedFinding[] = [];
  #over = false;
  #work: Promise<unknown> = Promise.resolve();

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  async begin(): Promise<void> {
    await this.#agent.refresh();
    await this.#agent.take();
    await this.#agent.refresh();
    this.#work = Promise.all([this.#judgeOn(), this.#sampleOn()]);
  }

  async end(): Promise<void> {
    this.#over = true;
    await this.#work;
  }

  /** Forgets what was said of earlier devices: the kernel gives numbers of namespaces again. */
  forget(): void {
    this.#standings = [];
  }

  /** Resolves when another judgement was made. */
  async next(): Promise<void> {
    const made = this.judgements.length;
    while (this.judgements.length === made && !this.#over) await wait(50);
    if (this.#over) await this.#work;
  }

  async #judgeOn(): Promise<void> {
    for (let next = performance.now(); !this.#over; next = Math.max(next + PERIOD_MS, performance.now())) {
      await wait(Math.max(0, next - performance.now()));
      this.#agent.ask(); // as every command does that judges
      const taken = await this.#agent.take();
      await this.#agent.refresh();
      this.#snapshots = [...this.#snapshots, taken].slice(-VERDICT_SECONDS - 1);
      if (this.#snapshots.length > 1) this.#judge(taken.takenAt);
    }
  }

  #judge(at: number): void {
    const { findings } = judge(windowOf(this.#snapshots));
    this.#standings = track(this.#standings, findings, at);
    const told = this.#standings.filter(({ isActive }) => isActive).map(({ finding }) => finding);
    this.judgements.push({ at, findings: told, window: this.#snapshots });
  }

  async #sampleOn(): Promise<void> {
    while (!this.#over) {
      await wait(LOOK_MS.least + Math.random() * (LOOK_MS.most - LOOK_MS.least));
      this.#agent.sampleReaders();
    }
  }
}
