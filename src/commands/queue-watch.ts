// SPDX-License-Identifier: Apache-2.0
// The rates of all queues, picture by picture.

import { devicesIn } from '../diagnosis/devices-in.ts';
import type { Finding } from '../diagnosis/finding.ts';
import { judge } from '../diagnosis/judge.ts';
import { type QueueRate, queueRates } from '../diagnosis/queue-rates.ts';
import { narrowed, queueIn, type Scope } from '../diagnosis/scope.ts';
import { windowOf } from '../diagnosis/window.ts';
import { parseBudget } from '../engine/budget.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { openSource, type SnapshotSource, type SourceOptions } from './snapshot-source.ts';

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
}

/** Seconds over which events are counted that are too rare for one picture. */
const LATELY_SECONDS = 10;
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
    this.#cpu = process.cpuUsage();
  }

  /** The figures are the agent's, so nothing more is attached in the kernel. */
  get isAgent(): boolean {
    return this.#source?.isAgent ?? false;
  }

  /** undefined: the clock was set back meanwhile. */
  async look(): Promise<QueuesSeen | undefined> {
    const now = await this.#source?.take();
    if (!now) return undefined;
    const before = this.#before;
    this.#before = now;
    const seconds = now.takenAt - (before?.takenAt ?? now.takenAt);
    const { user, system } = process.cpuUsage(this.#cpu);
    this.#cpu = process.cpuUsage();
    if (!before || seconds <= 0) return undefined;
    const narrow = (snapshot: Snapshot): Snapshot => narrowed(snapshot, this.#scope);
    const window = windowOf([before, now].map(narrow));
    const first = this.#seen[0];
    const recent = first && first.takenAt < before.takenAt ? windowOf([first, now].map(narrow)) : window;
    const ownCpu = (user + system) / 1e6 / seconds;
    const findings = this.#judged(recent === window ? [before, now] : [...this.#seen, now]);
    const queue = queueIn(now, this.#scope);
    const rates = queueRates(window, recent).filter((rate) => queue === undefined || rate.queue === queue);
    return { takenAt: now.takenAt, seconds, rates, findings, ownCpu, snapshot: now };
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
