// SPDX-License-Identifier: Apache-2.0
// Snapshots, a question, and what the rules say: what diagnose, check and report have in common.

import { judgeAsked } from '../diagnosis/judge-asked.ts';
import type { Scope } from '../diagnosis/scope.ts';
import { EXIT_CODES } from '../diagnosis/status.ts';
import type { Stated } from '../outputs/first-line.ts';
import { type Judged, renderVerdict } from '../outputs/verdict.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { escapedJson } from '../snapshot/visible.ts';
import type { Silence } from './agent-silence.ts';
import { linkedLayoutOf } from './terminal/terminal.ts';

/** Throws one sentence if nothing can be said of what was asked for. isPast: the snapshots are of an earlier time. */
export function judgeSnapshots(
  snapshots: readonly Snapshot[],
  scope: Scope,
  host: Judged['host'],
  isPast = false,
): Judged {
  return { ...judgeAsked(snapshots, scope, isPast), isRenamed: false, host };
}

/** While the agent is silent, no history grows and no alert comes: that is never OK. */
export function withSilence(judged: Judged, silence: Silence | undefined): Judged {
  if (!silence) return judged;
  return { ...judged, status: judged.status === 'ok' ? 'unknown' : judged.status, agentSilence: silence.words };
}

/** The JSON of a verdict; the fields and their order are of schema 1. */
export function jsonOf({
  status,
  verdict,
  inconclusive,
  last,
  seconds,
  host,
  ledger,
  agentSilence,
}: Stated & Pick<Judged, 'ledger'>): Readonly<Record<string, unknown>> {
  return {
    schema: 1,
    takenAt: last.takenAt,
    seconds,
    host,
    ...verdict,
    inconclusive,
    verdict: status,
    ledger,
    agentSilence,
  };
}

/** Prints the verdict as JSON with `more`, or for people; returns the exit code. */
export function sayVerdict(judged: Judged, json: boolean, more: Readonly<Record<string, unknown>> = {}): number {
  const told = (): string => `${escapedJson(JSON.stringify({ ...jsonOf(judged), ...more }, null, 2))}\n`;
  process.stdout.write(json ? told() : renderVerdict(judged, linkedLayoutOf(process.stdout)));
  return exitCodeOf(judged);
}

export function exitCodeOf({ status }: Pick<Judged, 'status'>): number {
  return EXIT_CODES[status];
}
