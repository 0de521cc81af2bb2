// SPDX-License-Identifier: Apache-2.0
// Findings folded by rule: 193 equal notes are one line with a count. Those that stand come before those that ended.
import type { ReportedFinding } from '../diagnosis/active-findings.ts';
import type { Severity } from '../diagnosis/finding.ts';

export interface FindingGroup {
  readonly key: string;
  readonly rule: string;
  readonly severity: Severity;
  /** The finding was not seen for some seconds: it goes if it does not come back. */
  readonly isEnded: boolean;
  /** The worst first. */
  readonly findings: readonly [ReportedFinding, ...ReportedFinding[]];
}

/** Judged each second; what is older was not found again. */
const ENDED_AFTER_SECONDS = 5;

/** `now`: Unix time of the newest judgement, seconds. */
export function groupsOf(findings: readonly ReportedFinding[], now: number): readonly FindingGroup[] {
  const groups = new Map<string, { first: ReportedFinding; rest: ReportedFinding[]; isEnded: boolean }>();
  for (const one of findings) {
    const isEnded = now - one.seen > ENDED_AFTER_SECONDS;
    const key = `${one.rule} ${one.severity}${isEnded ? ' ended' : ''}`;
    const known = groups.get(key);
    if (known) known.rest.push(one);
    else groups.set(key, { first: one, rest: [], isEnded });
  }
  return [...groups]
    .map(([key, { first, rest, isEnded }]): FindingGroup => {
      const { rule, severity } = first;
      return { key, rule, severity, isEnded, findings: [first, ...rest] };
    })
    .sort((a, b) => Number(a.isEnded) - Number(b.isEnded));
}

/** 'reader-stalled' is 'Reader stalled'. */
export function titleOfRule(rule: string): string {
  const words = rule.replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function placeOf({ device, queue }: Pick<ReportedFinding, 'device' | 'queue'>): string {
  if (device === undefined) return 'the agent';
  return queue === undefined ? device : `${device} queue ${queue}`;
}
