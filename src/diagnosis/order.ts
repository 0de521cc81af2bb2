// SPDX-License-Identifier: Apache-2.0
// The order in which findings are told: the gravest first, so that the first line has the severity of all; of like gravity what explains most of the loss.
import { RULES } from './all-rules.ts';
import type { Finding, Severity } from './finding.ts';

const SEVERITIES: readonly Severity[] = ['critical', 'warning', 'info'];
const RING_RULES = new Set(RULES.flatMap(({ name, symptom }) => (symptom === 'ring-loss' ? [name] : [])));

/** Losses are of like size where the larger is not so many times the other. */
const LIKE = 5;

export function isProblem({ severity }: Finding): boolean {
  return severity !== 'info';
}

/** Stable: of equal ones the causes stay before what goes with them, as in the order of the rules. */
export function inOrder<One extends Finding>(findings: readonly One[]): readonly One[] {
  const most = Math.max(1, ...findings.filter(isProblem).map(explained));
  return findings.toSorted((a, b) => bySeverity(a, b) || (isProblem(a) ? timesLess(a, most) - timesLess(b, most) : 0));
}

export function bySeverity(a: Finding, b: Finding): number {
  return SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity);
}

/** The finding that explains several times the loss of the first of its device, however grave that is; undefined: none does. */
export function largestBeside(first: Finding, findings: readonly Finding[]): Finding | undefined {
  const of = findings.filter(({ netns, device }) => netns === first.netns && device === first.device);
  const most = of.reduce((one, other) => (explained(other) > explained(one) ? other : one), first);
  return explained(most) >= LIKE * Math.max(1, explained(first)) ? most : undefined;
}

/** As far as its rule can tell: a filter, a firewall, a shaper; or so little that nobody need be woken. */
export function isMeantLoss(finding: Finding): boolean {
  return finding.device !== undefined && !isProblem(finding) && explained(finding) > 0;
}

/** 0: it explains a loss like the largest; 1: one that is several times smaller; and so on. */
function timesLess(finding: Finding, most: number): number {
  return Math.floor(Math.log(most / Math.max(1, explained(finding))) / Math.log(LIKE));
}

/** Packets of the window whose loss the finding explains: what its rule says, or all drops of its ring. */
export function explained({ rule, explains, figures }: Finding): number {
  return explains ?? (RING_RULES.has(rule) ? (figures?.lost ?? 0) : 0);
}
