// SPDX-License-Identifier: Apache-2.0
// The order in which findings are told: devices with a graver one first; of a device what needs action, of that what explains most of the loss, then the graver.
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
  const worst = new Map<string, number>();
  for (const finding of findings)
    worst.set(placeOf(finding), Math.min(gravity(finding), worst.get(placeOf(finding)) ?? SEVERITIES.length));
  const gravest = (finding: Finding): number => worst.get(placeOf(finding)) ?? SEVERITIES.length;
  return findings.toSorted((a, b) => {
    if (gravest(a) !== gravest(b)) return gravest(a) - gravest(b);
    if (isProblem(a) !== isProblem(b)) return isProblem(a) ? -1 : 1;
    return (isProblem(a) ? timesLess(a, most) - timesLess(b, most) : 0) || gravity(a) - gravity(b);
  });
}

function gravity({ severity }: Finding): number {
  return SEVERITIES.indexOf(severity);
}

/** Its device; findings about the host are each a place of their own kind. */
function placeOf({ netns, device, rule }: Finding): string {
  return device === undefined ? rule : `${netns} ${device}`;
}

/** As far as its rule can tell: a filter, a firewall, a shaper; or so little that nobody need be woken. */
export function isMeantLoss(finding: Finding): boolean {
  return finding.device !== undefined && !isProblem(finding) && explained(finding) > 0;
}

/** 0: it explains a loss like the largest, and so the graver is told first; 1: one that is several times smaller; and so on. */
function timesLess(finding: Finding, most: number): number {
  return Math.floor(Math.log(most / Math.max(1, explained(finding))) / Math.log(LIKE));
}

/** Packets of the window whose loss the finding explains: what its rule says, or all drops of its ring. */
export function explained({ rule, explains, figures }: Finding): number {
  return explains ?? (RING_RULES.has(rule) ? (figures?.lost ?? 0) : 0);
}
