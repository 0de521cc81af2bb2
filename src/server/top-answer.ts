// SPDX-License-Identifier: Apache-2.0
// The first picture of `tapscope top`, from what the agent saw last: nothing is sampled for it, and what is made of a whole host's snapshots is made here,
// for on a host without free CPU each of them would take longer than the one who asks waits.
import { report } from '../diagnosis/active-findings.ts';
import type { Finding } from '../diagnosis/finding.ts';
import { type QueueRate, queueRates } from '../diagnosis/queue-rates.ts';
import { narrowed, queueIn, type Scope } from '../diagnosis/scope.ts';
import { windowOf } from '../diagnosis/window.ts';
import type { AgentState, ProbeState, Snapshot } from '../snapshot/snapshot.ts';
import type { Observer } from './observer.ts';
import { notThere } from './refusals.ts';

export interface TopAnswer {
  /** Unix time of the newest snapshot, and the seconds that its rates are of. */
  readonly takenAt: number;
  readonly seconds: number;
  readonly queues: readonly QueueRate[];
  readonly findings: readonly Finding[];
  readonly agent: Pick<AgentState, 'level' | 'pace'> & {
    readonly overhead: readonly (readonly [string, number])[];
    readonly probes: readonly Pick<ProbeState, 'event' | 'attached'>[];
  };
}

/** In a shorter time a single packet would look like a rate. */
const LEAST_SECONDS = 0.5;

/** Throws a refusal where nothing is remembered of what is asked about: a device may have come just now. */
export function topAnswer(
  { latest, history }: Pick<Observer, 'latest' | 'history'>,
  scope: Scope,
  isShortOfCpu: boolean,
): TopAnswer {
  const { recent } = history;
  const now = recent.at(-1);
  const before = now && recent.findLast(({ takenAt }) => now.takenAt - takenAt >= LEAST_SECONDS);
  const [first] = recent;
  if (!now || !before || !first) throw notThere('Nothing is remembered yet: the agent has just started.');
  const asked = (...snapshots: readonly Snapshot[]) => windowOf(snapshots.map((one) => narrowed(one, scope)));
  const window = asked(before, now);
  const { devices } = window;
  if (devices.length === 0) throw notThere('No such device was there a moment ago.');
  // Its second picture would have it: worth waiting for where that does not take long.
  if (!isShortOfCpu && devices.length < narrowed(now, scope).devices.length) throw notThere('A device came just now.');
  const queue = queueIn(now, scope);
  const rates = queueRates(window, asked(first, now));
  const { level, pace, overhead, probes } = now.agent;
  return {
    takenAt: now.takenAt,
    seconds: window.seconds,
    queues: queue === undefined ? rates : rates.filter((rate) => rate.queue === queue),
    findings: (latest()?.active ?? []).map(report),
    agent: {
      level,
      pace,
      overhead: [...overhead],
      probes: probes.map(({ event, attached }) => ({ event, attached })),
    },
  };
}
