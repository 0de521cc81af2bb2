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
import type { Snapshot } from '../snapshot/snapshot.ts';
import { talkToAgent } from './agent-silence.ts';
import { askFindings, askWindow } from './ask-agent.ts';
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
  readonly snapshot: Snapshot;
  /** How old all of it is: 'judged 9 s ago: the agent gets no CPU (load 41)'; undefined: it is of now. */
  readonly late: string | undefined;
}

/** Seconds over which events are counted that are too rare for one picture. */
const LATELY_SECONDS = 10;
/** The first picture is of so long. In a shorter time a single packet would look like a rate. */
const FIRST_SECONDS = { least: 0.5, most: 1.5 };
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
  /** Seconds between the samples of the agent. */
  #every = 1;

  constructor(scope: Scope, options: Pick<SourceOptions, 'socket' | 'mechanisms'>) {
    this.#scope = scope;
    this.#options = options;
  }

  /** Throws one sentence if what was asked for is not there. */
  async start(): Promise<void> {
    const source = await openSource({ ...this.#options, budget: parseBudget('auto'), wish: 'exact' });
    this.#source = source;
    await source.start((snapshot) => this.#keep(snapshot));
    this.#before = await source.take();
    devicesIn(this.#before, this.#scope);
    if (source.isAgent) await this.#remember(this.#before);
    this.#cpu = process.cpuUsage();
  }

  /** The first picture has the agent's last seconds already, and there is one although an agent that gets no CPU has nothing newer. */
  async #remember(newest: Snapshot): Promise<void> {
    const { socket } = this.#options;
    const { takenAt: at } = newest;
    this.#every = newest.agent.pace?.seconds ?? 1;
    const { said } = await talkToAgent(socket, PAST_WITHIN_MS, async (limit) => {
      // Its findings are asked for, so what lies between is not needed. Without free CPU a snapshot of a thousand queues takes a second.
      const long = { at: at - LATELY_SECONDS + 1, seconds: 1 };
      const oldest = shortOfCpu() === undefined ? askWindow(socket, long, limit).catch(() => []) : []; // it has just started
      const { least, most } = FIRST_SECONDS;
      const latest = await askWindow(socket, { at: at - least, seconds: (most - least) * this.#every }, limit);
      return [...(await oldest), ...latest];
    }).catch(() => ({ said: undefined }));
    const past = (said ?? []).filter(({ takenAt }) => takenAt < at);
    this.#seen = [...past, ...this.#seen.filter(({ takenAt }) => takenAt > (past.at(-1)?.takenAt ?? 0))];
    const before = past.findLast(({ takenAt }) => at - takenAt >= FIRST_SECONDS.least);
    await this.#askForFindings();
    if (before) this.#last = this.#picture(before, newest);
  }

  /** A picture of the last seconds before it began; undefined: none has all that it is to show. */
  get remembered(): QueuesSeen | undefined {
    return this.#last?.snapshot.agent.level === 'rest' && this.#last.late === undefined ? undefined : this.#last;
  }

  /** The figures are the agent's, so nothing more is attached in the kernel. */
  get isAgent(): boolean {
    return this.#source?.isAgent ?? false;
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
