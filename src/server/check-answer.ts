// SPDX-License-Identifier: Apache-2.0
// The whole answer to `tapscope check` in one reply: the newest judgement, the outline of the newest snapshot, and the agent's own state.
// Nothing is sampled for it: on a host without free CPU that would take longer than the one who asks waits.
import { type ReportedFinding, report } from '../diagnosis/active-findings.ts';
import type { Verdict } from '../diagnosis/judge.ts';
import { isOn } from '../diagnosis/scope.ts';
import { type OutlineJson, outlineToJson } from '../snapshot/outline.ts';
import type { AgentSelf } from './agent-self.ts';
import { when } from './answers.ts';
import type { Observer } from './observer.ts';
import { notThere } from './refusals.ts';

export interface CheckAnswer {
  /** Unix time of the judgement, and the seconds that were judged. */
  readonly takenAt: number;
  readonly seconds: number;
  readonly findings: readonly ReportedFinding[];
  readonly unjudged: Verdict['unjudged'];
  readonly snapshot: OutlineJson;
  readonly agent: AgentSelf | null;
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
    snapshot: outlineToJson(last, (device) => findings.some((finding) => isOn(finding, device))),
    agent,
  };
}
