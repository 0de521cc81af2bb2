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
import { askSelf, askWindow } from './ask-agent.ts';
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
    const { said } = await talkToAgent(socket, PAST_WITHIN_MS, async (limit) => {
      const { lookSeconds = 1 } = (await askSelf(socket, limit)) ?? {};
      this.#every = lookSeconds;
      return askWindow(socket, { at: newest.takenAt, seconds: LATELY_SECONDS }, limit);
    }).catch(() => ({ said: undefined })); // it has just started
    const past = (said ?? []).filter(({ takenAt }) => takenAt < newest.takenAt);
    this.#seen = [...past, ...this.#seen.filter(({ takenAt }) => takenAt > (past.at(-1)?.takenAt ?? 0))];
    const before = past.at(-1);
    if (before) this.#last = this.#picture(before, newest);
  }

  /** The figures are the agent's, so nothing more is attached in the kernel. */
  get isAgent(): boolean {
    return this.#source?.isAgent ?? false;
  }

  /** What was seen last, with its age, where there is nothing newer; undefined: there never was anything. */
  async look(): Promise<QueuesSeen | undefined> {
    const now = await this.#take();
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
      findings: this.#judged(recent === window ? [before, now] : [...this.#seen, now]),
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
