// SPDX-License-Identifier: Apache-2.0
// What the agent makes of each second's snapshot: the history, a judgement of the last ten seconds, and which findings stand.

import { type TrackedFinding, track } from '../diagnosis/active-findings.ts';
import type { Finding } from '../diagnosis/finding.ts';
import { judge, type Verdict } from '../diagnosis/judge.ts';
import { QuietDevices } from '../diagnosis/quiet.ts';
import { type Window, windowOf } from '../diagnosis/window.ts';
import { History } from '../history.ts';
import type { Snapshot } from '../snapshot.ts';

/** One judgement, and what came of those before it. */
export interface Observation {
  readonly window: Window;
  /** Of the last second alone; made on request. */
  readonly lastSecond: () => Window;
  readonly unjudged: Verdict['unjudged'];
  /** Findings as people are told of them, the worst first; made once is not told yet. */
  readonly active: readonly TrackedFinding[];
}

export interface Observer {
  readonly history: History;
  /** Of each second. */
  readonly see: (snapshot: Snapshot) => void;
  /** undefined: two snapshots are needed, and there are none yet. */
  readonly latest: () => Observation | undefined;
  /** Those that stand at this Unix time, even if nothing was judged of late: no snapshot could be taken. */
  readonly active: (now: number) => readonly Finding[];
  /** `hear` is told of each judgement until the function that is returned is called. */
  readonly listen: (hear: (observation: Observation) => void) => () => void;
}

export function createObserver(): Observer {
  const history = new History();
  const quiet = new QuietDevices();
  const listeners = new Set<(observation: Observation) => void>();
  let known: readonly TrackedFinding[] = [];
  let latest: Observation | undefined;
  let unjudged = 0;

  function see(snapshot: Snapshot): void {
    history.add(snapshot);
    const { recent } = history;
    if (recent.length < 2) return;
    unjudged += 1;
    if (latest && unjudged < (snapshot.agent.pace?.judgedEvery ?? 1)) return;
    unjudged = 0;
    const window = windowOf(recent);
    const pair = recent.slice(-2);
    const verdict = judge(window, undefined, quiet);
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
