// SPDX-License-Identifier: Apache-2.0
// Processes each second's snapshot: the history, a judgement of the last ten seconds, and the active findings.

import { type TrackedFinding, track } from '../diagnosis/active-findings.ts';
import type { Finding } from '../diagnosis/finding.ts';
import { FindingsCache } from '../diagnosis/findings-cache.ts';
import { judging, type Verdict } from '../diagnosis/judge.ts';
import { type Window, windowOf } from '../diagnosis/window.ts';
import { History } from '../history/history.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';

/** One judgement, and what came of those before it. */
export interface Observation {
  readonly window: Window;
  /** The window of the last second alone; made on request. */
  readonly lastSecond: () => Window;
  readonly unjudged: Verdict['unjudged'];
  /** Findings as people are told of them, the worst first; made once is not told yet. */
  readonly active: readonly TrackedFinding[];
}

export interface Observer {
  readonly history: History;
  /** Takes the snapshot of each second. */
  readonly see: (snapshot: Snapshot) => void;
  /** undefined: two snapshots are needed, and there are none yet. */
  readonly latest: () => Observation | undefined;
  /** The findings that are active at this Unix time, even if no snapshot could be taken and judged lately. */
  readonly active: (now: number) => readonly Finding[];
  /** `hear` is told of each judgement until the function that is returned is called. */
  readonly listen: (hear: (observation: Observation) => void) => () => void;
}

/**
 * `later` calls what it is given when other work of this process had its turn: a host with thousands of busy queues takes long to judge.
 * Known results stay until a round is complete; then the last of the snapshots that came meanwhile is seen.
 * Absent: `see` returns when all is done.
 */
export function createObserver(later?: (goOn: () => void) => void): Observer {
  const history = new History();
  const quiet = new FindingsCache();
  const listeners = new Set<(observation: Observation) => void>();
  let known: readonly TrackedFinding[] = [];
  let latest: Observation | undefined;
  let unjudged = 0;
  let round: Generator<undefined, void, undefined> | undefined;
  let next: Snapshot | undefined;

  function see(snapshot: Snapshot): void {
    next = snapshot;
    if (round === undefined) goOn();
  }

  function goOn(): void {
    for (;;) {
      if (round === undefined) {
        if (next === undefined) return;
        round = seeing(next);
        next = undefined;
      }
      if (round.next().done) round = undefined;
      else if (later) {
        later(goOn);
        return;
      }
    }
  }

  function* seeing(snapshot: Snapshot): Generator<undefined, void, undefined> {
    yield* history.adding(snapshot);
    const { recent } = history;
    if (recent.length < 2) return;
    unjudged += 1;
    if (latest && unjudged < (snapshot.agent.pace?.judgedEvery ?? 1)) return;
    unjudged = 0;
    yield;
    const window = windowOf(recent);
    const pair = recent.slice(-2);
    const verdict = yield* judging(window, undefined, quiet);
    yield;
    known = track(known, verdict.findings, snapshot.takenAt);
    const active = known.filter(({ isActive }) => isActive);
    latest = { window, lastSecond: () => windowOf(pair), unjudged: verdict.unjudged, active };
    for (const hear of listeners) hear(latest);
  }

  return {
    history,
    see,
    latest: () => latest,
    active: (now) => track(latest?.active ?? [], [], now).map(({ finding }) => finding),
    listen: (hear) => {
      listeners.add(hear);
      return () => listeners.delete(hear);
    },
  };
}
