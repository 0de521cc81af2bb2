// SPDX-License-Identifier: Apache-2.0
// The order in which findings are told: what needs action first, of that what explains most of the loss, then the graver.
import { RULES } from './all-rules.ts';
import type { Finding, Severity } from './finding.ts';
import type { Symptom } from './rule.ts';

const SEVERITIES: readonly Severity[] = ['critical', 'warning', 'info'];
const SYMPTOMS: ReadonlyMap<string, Symptom> = new Map(RULES.map(({ name, symptom }) => [name, symptom]));

const LIKE = 5;

export function isProblem({ severity }: Finding): boolean {
  return severity !== 'info';
}

/** Stable: of equal ones the causes stay before what goes with them, as in the order of the rules. */
export function inOrder<One extends Finding>(findings: readonly One[]): readonly One[] {
  const most = Math.max(1, ...findings.filter(isProblem).map(explained));
  return findings.toSorted((a, b) => {
    if (isProblem(a) !== isProblem(b)) return isProblem(a) ? -1 : 1;
    const byLoss = isProblem(a) ? timesLess(a, most) - timesLess(b, most) : 0;
    return byLoss || SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity);
  });
}

/** 0: it explains a loss like the largest, and so the graver is told first; 1: one that is several times smaller; and so on. */
function timesLess(finding: Finding, most: number): number {
  return Math.floor(Math.log(most / Math.max(1, explained(finding))) / Math.log(LIKE));
}

/** Packets of the window whose loss the finding explains; where its rule does not say how many: all of that boundary. */
function explained({ rule, explains, figures }: Finding): number {
  if (explains !== undefined) return explains;
  switch (SYMPTOMS.get(rule)) {
    case 'ring-loss':
    case 'filtered':
      return figures?.lost ?? 0;
    case 'loss-before-tun':
    case 'loss-in-bridge':
    case 'firewalled':
      return figures?.lostBefore ?? 0;
    default:
      return 0;
  }
}
