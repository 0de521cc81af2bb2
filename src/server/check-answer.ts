// SPDX-License-Identifier: Apache-2.0
// The whole answer to `tapscope check` in one reply: the newest judgement, the outline of the newest snapshot, and the agent's own state.
// Of a whole host nothing is sampled for it: where no CPU is free, that would take longer than the one who asks waits.
import { report } from '../diagnosis/active-findings.ts';
import type { Finding } from '../diagnosis/finding.ts';
import type { Verdict } from '../diagnosis/judge.ts';
import type { AskedVerdict } from '../diagnosis/judge-asked.ts';
import type { Ledger } from '../diagnosis/ledger.ts';
import { isOn } from '../diagnosis/scope.ts';
import { type OutlineJson, outlineToJson } from '../snapshot/outline.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { AgentSelf } from './agent-self.ts';
import { when } from './answers.ts';
import type { Observer } from './observer.ts';
import { notThere } from './refusals.ts';

export interface CheckAnswer {
  /** Unix time of the judgement, and the seconds that were judged. */
  readonly takenAt: number;
  readonly seconds: number;
  readonly findings: readonly Finding[];
  readonly unjudged: Verdict['unjudged'];
  readonly snapshot: OutlineJson;
  readonly agent: AgentSelf | null;
  /** Of a question about some devices; absent: it was about all. */
  readonly asked?: {
    /** Their places among those of `snapshot`. */
    readonly devices: readonly number[];
    readonly inconclusive: readonly string[];
    readonly ledger: Ledger | undefined;
  };
}

/** Throws a refusal where nothing was judged yet. */
export function checkAnswer({ latest, history }: Observer, agent: AgentSelf | null): CheckAnswer {
  const judged = latest();
  const last = history.recent.at(-1);
  if (!judged || !last) throw notThere('Nothing is judged yet: the agent has just started.');
  const findings = judged.active.map(report);
  return {
    ...when(judged.window),
    findings,
    unjudged: judged.unjudged,
    snapshot: outlineFor(findings, last),
    agent,
  };
}

export function askedAnswer(verdict: AskedVerdict, agent: AgentSelf | null): CheckAnswer {
  const { verdict: told, devices, inconclusive, ledger, last, seconds } = verdict;
  return {
    takenAt: last.takenAt,
    seconds,
    ...told,
    snapshot: outlineFor(told.findings, last),
    agent,
    asked: { devices: devices.map((device) => last.devices.indexOf(device)), inconclusive, ledger },
  };
}

function outlineFor(findings: readonly Finding[], last: Snapshot): OutlineJson {
  return outlineToJson(last, (device) => findings.some((finding) => isOn(finding, device)));
}
