// SPDX-License-Identifier: Apache-2.0
// Plays cases against the product as a user runs it: one `serve` for all, `diagnose` and `check` for each.
import { setTimeout as wait } from 'node:timers/promises';
import { askSnapshot } from '../../src/commands/ask-agent.ts';
import { tapscope } from '../../test/agent/serve-process.ts';
import type { Scope } from '../../test/host/scope.ts';
import { succeeds, until } from '../../test/host/until.ts';
import { PROGRAMS } from './all-programs.ts';
import type { Case } from './case.ts';
import { CASES } from './cases/all-cases.ts';
import { answers } from './counted-traffic.ts';
import { answerIn, isLeftOver, outcomeOf, type Result, standstill } from './diagnose-answer.ts';
import { makeStage, type Stage } from './places.ts';
import type { Running } from './program.ts';
import { Scene } from './scene.ts';

/** Seconds that the fault has lasted when `diagnose` begins, and for how long that looks. */
const HELD = 1.5;
const LOOKS = '7s';

interface Playing {
  readonly t: Scope;
  readonly socket: string;
  /** Chooses the cases to play. */
  readonly only: (name: string) => boolean;
  readonly tell: (result: Result) => void;
}

/** Each program's cases in turn, the programs side by side; then those that need the CPUs, one by one. */
export async function playAll(playing: Playing): Promise<readonly Result[]> {
  const names = [...new Set(CASES.flatMap(({ programs }) => programs))];
  const results: Result[] = [];
  const lanes = names.map((name) => new Lane(name, playing));
  const keep = (result: Result): void => {
    results.push(result);
    playing.tell(result);
  };
  await Promise.all(lanes.map((lane) => lane.play((one) => !one.alone, keep)));
  for (const lane of lanes) await lane.play((one) => one.alone === true, keep);
  for (const lane of lanes) await lane.end();
  return results;
}

interface Playground {
  readonly stage: Stage;
  readonly running: Running;
}

class Lane {
  readonly #name: string;
  readonly #playing: Playing;
  #set: Playground | undefined;
  #undo: (() => unknown)[] = [];
  #wasHealthy = true;
  /** Unix time; undefined: there was none. */
  #faultEnded: number | undefined;

  constructor(name: string, playing: Playing) {
    this.#name = name;
    this.#playing = playing;
  }

  async play(wanted: (one: Case) => boolean, keep: (result: Result) => void): Promise<void> {
    const mine = CASES.filter(
      (one) => one.programs.includes(this.#name) && wanted(one) && this.#playing.only(`${this.#name}: ${one.name}`),
    );
    for (const one of mine) keep(await this.#play(one).catch((error: unknown) => this.#failed(one, error)));
  }

  async end(): Promise<void> {
    for (let step = this.#undo.pop(); step; step = this.#undo.pop()) await step();
    this.#set = undefined;
  }

  async #play(one: Case): Promise<Result> {
    const { stage, running } = await this.#ready();
    const scene = new Scene(stage, running);
    try {
      await scene.begin();
      const harmBefore = await one.harm?.(scene);
      await one.play(scene);
      await wait(1000 * HELD);
      const ask = (command: string, ...more: readonly string[]): ReturnType<typeof tapscope> =>
        tapscope([
          command,
          scene.device,
          '--netns',
          stage.near.name,
          '--json',
          '--socket',
          this.#playing.socket,
          ...more,
        ]);
      const diagnosed = answerIn(await ask('diagnose', '--for', LOOKS));
      // What check says stands for a while: it is asked where nothing was wrong before either, and what is left over is none of this case.
      const isHealthy = one.expected === undefined;
      const standing = isHealthy && this.#wasHealthy ? answerIn(await ask('check')) : undefined;
      const isOld = standing && this.#faultEnded !== undefined && isLeftOver(standing, this.#faultEnded);
      const checked = isOld ? undefined : standing;
      this.#wasHealthy = isHealthy;
      const harm = harmBefore === undefined ? undefined : ((await one.harm?.(scene)) ?? 0) - harmBefore;
      const truth = { ...(await scene.truth()), harm };
      const outcome = outcomeOf(one, diagnosed, checked, truth);
      return {
        program: this.#name,
        name: one.name,
        expected: one.expected,
        outcome,
        diagnosed,
        checked,
        truth,
        failure: outcome === 'did not happen' ? standstill(one, truth) : undefined,
      };
    } finally {
      await scene.end();
      if (one.expected !== undefined) this.#faultEnded = Date.now() / 1000;
    }
  }

  /** Started anew where the last case has broken it. */
  async #ready(): Promise<Playground> {
    if (this.#set) {
      const { stage, running } = this.#set;
      if (await succeeds(answers(stage.near, running.beyond, () => ''))) return this.#set;
      await this.end();
    }
    const program = PROGRAMS.find(({ name }) => name === this.#name);
    if (!program) throw new Error(`No program is called ${this.#name}.`);
    const stage = await makeStage({ after: (undo) => void this.#undo.push(undo) });
    const running = await program.start(stage);
    await this.#seen(stage, running);
    this.#set = { stage, running };
    return this.#set;
  }

  /** The agent looks for new namespaces, their names and the owners in them now and then. */
  #seen({ near }: Stage, { device }: Running): Promise<void> {
    return until(async () => {
      const { devices, agent } = await askSnapshot(this.#playing.socket);
      const found = devices.find(({ netns, name }) => netns === near.inode && name === device);
      const isOwned = found?.queues.some(({ owner }) => owner !== undefined) ?? false;
      return isOwned && agent.namespaceNames.get(near.inode) === near.name;
    });
  }

  #failed({ name, expected }: Case, error: unknown): Result {
    const failure = error instanceof Error ? error.message : String(error);
    const nothing = { diagnosed: undefined, checked: undefined, truth: undefined };
    return { program: this.#name, name, expected, outcome: 'did not happen', failure, ...nothing };
  }
}
