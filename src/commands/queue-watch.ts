// SPDX-License-Identifier: Apache-2.0
// The rates of all queues, picture by picture.

import { devicesIn } from '../diagnosis/devices-in.ts';
import type { Finding } from '../diagnosis/finding.ts';
import { judge } from '../diagnosis/judge.ts';
import { type QueueRate, queueRates } from '../diagnosis/queue-rates.ts';
import { narrowed, queueIn, type Scope } from '../diagnosis/scope.ts';
import { windowOf } from '../diagnosis/window.ts';
import { parseBudget } from '../engine/budget.ts';
import { shortOfCpu } from '../kernel/load-average.ts';
import type { TopAnswer } from '../server/top-answer.ts';
import type { AgentState, ProbeState, Snapshot } from '../snapshot/snapshot.ts';
import { type Silence, talkToAgent } from './agent-silence.ts';
import { askFindings, askTop, askWindow } from './ask-agent.ts';
import { lateWords } from './late-words.ts';
import { openSource, SilentAgent, type SnapshotSource, type SourceOptions } from './snapshot-source.ts';

export interface QueuesSeen {
  readonly takenAt: number;
  /** Seconds since the previous picture. */
  readonly seconds: number;
  readonly rates: readonly QueueRate[];
  /** Findings about the last seconds, the worst first; a judgement that takes long is made less often. */
  readonly findings: readonly Finding[];
  /** CPU time of this process, as a share of one CPU. */
  readonly ownCpu: number;
  readonly agent: Pick<AgentState, 'level' | 'overhead'> & {
    readonly probes: readonly Pick<ProbeState, 'event' | 'attached'>[];
  };
  /** undefined: the agent told what it made of it. */
  readonly snapshot: Snapshot | undefined;
  /** How old all of it is: 'judged 9 s ago: the agent gets no CPU (load 41)'; undefined: it is of now. */
  readonly late: string | undefined;
}

/** Seconds over which events are counted that are too rare for one picture. */
const LATELY_SECONDS = 10;
/** The timeout for the first answer. */
const PATIENCE_MS = 5000;
/** What an agent remembers is a gain and not needed: none that is slow is waited for. */
const PAST_WITHIN_MS = 1000;
/** Rules get no more than this share of the time: a thousand queues are many. */
const JUDGING_SHARE = 0.1;

export class QueueWatch {
  readonly #scope: Scope;
  readonly #options: Pick<SourceOptions, 'socket' | 'mechanisms'>;
  #source: SnapshotSource | undefined;
  #seen: Snapshot[] = [];
  #before: Snapshot | undefined;
  #cpu = process.cpuUsage();
  #findings: readonly Finding[] = [];
  #judgesAgainAt = 0;
  #last: QueuesSeen | undefined;
  /** The agent told the first picture; why it is silent, where it is. */
  #isRemembered = false;
  #silence: Silence | undefined;
  /** Seconds between the samples of the agent. */
  #every = 1;

  constructor(scope: Scope, options: Pick<SourceOptions, 'socket' | 'mechanisms'>) {
    this.#scope = scope;
    this.#options = options;
  }

  /** The last seconds as the agent saw them, in one short answer; undefined: no agent tells, or it has not all that a picture is to show. */
  async remembered(): Promise<QueuesSeen | undefined> {
    const { socket, mechanisms } = this.#options;
    if (mechanisms.length > 0) return undefined;
    const load = shortOfCpu();
    const began = process.cpuUsage();
    const { said, silence } = await talkToAgent(
      socket,
      PATIENCE_MS,
      (limit) => askTop(socket, limit, this.#scope),
      load,
    );
    this.#silence = silence;
    if (!said) return undefined;
    this.#isRemembered = true;
    this.#every = said.agent.pace?.seconds ?? 1;
    this.#last = rememberedPicture(said, process.cpuUsage(began), lateWords(said.takenAt, load, this.#every));
    return this.#last;
  }

  /** Throws one sentence if what was asked for is not there. */
  async start(): Promise<void> {
    const silence = this.#silence;
    const source = await openSource({ ...this.#options, budget: parseBudget('auto'), wish: 'exact', silence });
    this.#source = source;
    await source.start((snapshot) => this.#keep(snapshot));
    this.#before = await source.take();
    devicesIn(this.#before, this.#scope);
    if (source.isAgent) await this.#remember(this.#before);
    this.#cpu = process.cpuUsage();
  }

  /** What the agent saw ten seconds ago, for what is too rare for one picture. Without free CPU a snapshot of a thousand queues takes a second. */
  async #remember({ takenAt, agent }: Snapshot): Promise<void> {
    this.#every = agent.pace?.seconds ?? 1;
    if (shortOfCpu() !== undefined) return;
    const limit = AbortSignal.timeout(PAST_WITHIN_MS);
    const long = { at: takenAt - LATELY_SECONDS + 1, seconds: 1 };
    const past = await askWindow(this.#options.socket, long, limit).catch(() => []); // it has just started
    this.#seen = [
      ...past.slice(0, 1).filter((one) => one.takenAt < (this.#seen[0]?.takenAt ?? takenAt)),
      ...this.#seen,
    ];
  }

  /** The figures are the agent's, so nothing more is attached in the kernel. */
  get isAgent(): boolean {
    return this.#source?.isAgent ?? this.#isRemembered;
  }

  /** What was seen last, with its age, where there is nothing newer; undefined: there never was anything. */
  async look(): Promise<QueuesSeen | undefined> {
    const [now] = await Promise.all([this.#take(), this.isAgent && this.#askForFindings()]);
    const before = this.#before;
    if (!now || !before || now.takenAt <= before.takenAt) {
      if (now) this.#before = now; // the clock was set back, or it is the same
      return this.#last && { ...this.#last, late: lateWords(this.#last.takenAt, shortOfCpu(), this.#every) };
    }
    this.#before = now;
    this.#last = this.#picture(before, now);
    return this.#last;
  }

  #picture(before: Snapshot, now: Snapshot): QueuesSeen {
    const seconds = now.takenAt - before.takenAt;
    const { user, system } = process.cpuUsage(this.#cpu);
    this.#cpu = process.cpuUsage();
    const narrow = (snapshot: Snapshot): Snapshot => narrowed(snapshot, this.#scope);
    const window = windowOf([before, now].map(narrow));
    const first = this.#seen[0];
    const recent = first && first.takenAt < before.takenAt ? windowOf([first, now].map(narrow)) : window;
    const queue = queueIn(now, this.#scope);
    const rates = queueRates(window, recent).filter((rate) => queue === undefined || rate.queue === queue);
    return {
      takenAt: now.takenAt,
      seconds,
      rates,
      findings: this.isAgent ? this.#findings : this.#judged(recent === window ? [before, now] : [...this.#seen, now]),
      ownCpu: (user + system) / 1e6 / seconds,
      agent: now.agent,
      snapshot: now,
      late: lateWords(now.takenAt, shortOfCpu(), this.#every),
    };
  }

  /** undefined: the agent is slow. Throws where it is stopped, or gone. */
  async #take(): Promise<Snapshot | undefined> {
    try {
      return await this.#source?.take();
    } catch (error) {
      if (error instanceof SilentAgent && !error.silence.halted && this.#last) return undefined;
      throw error;
    }
  }

  close(): void {
    this.#source?.close();
  }

  /** Where the agent is late they stay as they were. */
  async #askForFindings(): Promise<void> {
    const limit = AbortSignal.timeout(PAST_WITHIN_MS);
    const answer = await askFindings(this.#options.socket, limit).catch(() => undefined);
    if (answer) this.#findings = answer.findings;
  }

  /** Judges all devices: what is wrong with one may show in another. */
  #judged(snapshots: readonly Snapshot[]): readonly Finding[] {
    const startedAt = performance.now();
    if (startedAt < this.#judgesAgainAt) return this.#findings;
    const inOrder = snapshots.filter(({ takenAt }, i) => takenAt > (snapshots[i - 1]?.takenAt ?? 0));
    if (inOrder.length > 1) this.#findings = judge(windowOf(inOrder)).findings;
    const endedAt = performance.now();
    this.#judgesAgainAt = endedAt + (endedAt - startedAt) / JUDGING_SHARE;
    return this.#findings;
  }

  #keep(snapshot: Snapshot): void {
    const oldest = snapshot.takenAt - LATELY_SECONDS;
    this.#seen = [...this.#seen.filter(({ takenAt }) => takenAt >= oldest && takenAt < snapshot.takenAt), snapshot];
  }
}

/** A queue has figures that are not measured at rest; a host without free CPU has no second in which they could be. */
export function isComplete({ agent, late }: QueuesSeen): boolean {
  return agent.level !== 'rest' || late !== undefined || shortOfCpu() !== undefined;
}

/** CPU time of this process since it asked. */
function rememberedPicture(
  { queues, agent, ...seen }: TopAnswer,
  { user, system }: NodeJS.CpuUsage,
  late: string | undefined,
): QueuesSeen {
  return {
    ...seen,
    rates: queues,
    ownCpu: (user + system) / 1e6 / seen.seconds,
    agent: { ...agent, overhead: new Map(agent.overhead) },
    snapshot: undefined,
    late,
  };
}
