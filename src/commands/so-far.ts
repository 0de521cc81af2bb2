// SPDX-License-Identifier: Apache-2.0
// The findings so far of a running `tapscope diagnose`, in one line of a terminal.
import type { Finding } from '../diagnosis/finding.ts';
import type { Scope } from '../diagnosis/scope.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { judgeSnapshots } from './run-diagnosis.ts';
import { thisHost } from './version.ts';

/** The share of the time for judgements: a thousand queues are judged less often than each second. */
const JUDGING_SHARE = 0.1;

/** `snapshots` grow meanwhile. */
export function soFarOf(snapshots: readonly Snapshot[], scope: Scope): () => string {
  let said = '';
  let judgesAgainAt = 0;
  return () => {
    const startedAt = performance.now();
    if (snapshots.length < 2 || startedAt < judgesAgainAt) return said;
    said = wordsOf(snapshots, scope) ?? said;
    const endedAt = performance.now();
    judgesAgainAt = endedAt + (endedAt - startedAt) / JUDGING_SHARE;
    return said;
  };
}

/** undefined: too little was seen, or the device went; what is said at the end says so. */
function wordsOf(snapshots: readonly Snapshot[], scope: Scope): string | undefined {
  try {
    return inFewWords(judgeSnapshots(snapshots, scope, thisHost()).verdict.findings);
  } catch {
    return undefined;
  }
}

export function inFewWords(findings: readonly Finding[]): string {
  const [worst, ...others] = findings.filter(({ severity }) => severity !== 'info');
  if (!worst) return 'nothing found so far';
  const { rule, device = 'the agent', queue } = worst;
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  return `${rule} on ${device}${queue === undefined ? '' : ` queue ${queue}`}${more} so far`;
}
