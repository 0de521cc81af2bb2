// SPDX-License-Identifier: Apache-2.0
// Faults of tapscope itself are one finding: a host has one agent, and its operator one thing to read about it.
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

/** The first of them that is about no device tells of the others too. */
export function foldAgent(findings: readonly Finding[], rules: readonly Rule[]): readonly Finding[] {
  const [first, ...others] = findings.filter(({ device }) => device === undefined);
  if (first === undefined || others.length === 0) return findings;
  const also = others.map(({ rule }) => rules.find(({ name }) => name === rule)?.summary ?? rule);
  const folded: Finding = {
    ...first,
    cause: `${first.cause} Besides, ${also.join('; and ')}.`,
    evidence: [...first.evidence, ...others.flatMap(({ cause, evidence }) => [cause, ...evidence])],
    remedies: [first, ...others].flatMap(({ remedies }) => remedies),
    degraded: [first, ...others].flatMap(({ degraded }) => degraded),
    doubts: [first, ...others].flatMap(({ doubts = [] }) => doubts),
  };
  return findings.flatMap((one) => (one === first ? [folded] : others.includes(one) ? [] : [one]));
}
