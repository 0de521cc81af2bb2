// SPDX-License-Identifier: Apache-2.0
// Snapshots, a question, and what the rules say: what diagnose, check and report have in common.

import { devicesIn } from '../diagnosis/devices-in.ts';
import { count } from '../diagnosis/format.ts';
import { inconclusive, lossSince } from '../diagnosis/inconclusive.ts';
import { judge } from '../diagnosis/judge.ts';
import { ledgerOf } from '../diagnosis/ledger.ts';
import { findingsOn, isEverything, narrowed, queueIn, type Scope } from '../diagnosis/scope.ts';
import { EXIT_CODES, statusOf } from '../diagnosis/status.ts';
import { windowOf } from '../diagnosis/window.ts';
import type { Stated } from '../outputs/first-line.ts';
import { type Judged, renderVerdict } from '../outputs/verdict.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { escapedJson, visible } from '../snapshot/visible.ts';
import type { Silence } from './agent-silence.ts';
import { linkedLayoutOf } from './terminal/terminal.ts';

/** In a shorter window a single packet would look like a rate. */
const LEAST_SECONDS = 0.5;

/** Throws one sentence if nothing can be said of what was asked for. isPast: the snapshots are of an earlier time. */
export function judgeSnapshots(
  snapshots: readonly Snapshot[],
  scope: Scope,
  host: Judged['host'],
  isPast = false,
): Judged {
  const last = snapshots.at(-1);
  if (!last) throw new Error('No snapshot was taken.');
  const [first] = snapshots;
  if (first && last.takenAt - first.takenAt < LEAST_SECONDS)
    throw new Error('The sample is too short to judge: less than half a second.');
  const window = windowOf(snapshots);
  const narrow = snapshots.map((snapshot) => narrowed(snapshot, scope));
  if (!isEverything(scope)) refuseGone(narrow);
  const asked = devicesIn(last, scope, isPast);
  const devices = asked.filter(({ id }) => window.devices.some(({ now }) => now.id === id));
  if (devices.length === 0 && !isEverything(scope))
    throw new Error(
      `${visible(asked[0]?.name ?? '')} came while it was watched, so nothing can be said of it yet; ask again.`,
    );
  const [only, ...others] = isEverything(scope) ? [] : devices;
  const one = others.length > 0 ? undefined : window.devices.find(({ now }) => now.id === only?.id);
  const { findings, unjudged } = judge(window, one);
  const verdict = { findings: findingsOn(findings, devices, queueIn(last, scope)), unjudged };
  const tooShort = inconclusive(narrow, window, findings);
  const { seconds } = window;
  return {
    status: statusOf(verdict, tooShort),
    verdict,
    inconclusive: tooShort,
    devices,
    ledger: one && ledgerOf(one),
    last,
    seconds,
    isRenamed: false,
    host,
  };
}

/** While the agent is silent, no history grows and no alert comes: that is never OK. */
export function withSilence(judged: Judged, silence: Silence | undefined): Judged {
  if (!silence) return judged;
  return { ...judged, status: judged.status === 'ok' ? 'unknown' : judged.status, agentSilence: silence.words };
}

/** Throws what became of a device, if all devices went before the last snapshot. */
function refuseGone(snapshots: readonly Snapshot[]): void {
  if (snapshots.at(-1)?.devices.length !== 0) return;
  const gone = snapshots.findLast(({ devices }) => devices.length > 0)?.devices[0];
  if (!gone) return;
  const before = snapshots[0]?.devices.find(({ id }) => id === gone.id);
  const { lost, offered } = lossSince(before, gone);
  throw new Error(
    `${visible(gone.name)} went while it was watched, having lost ${count(lost)} of ${count(offered)} packets until then.`,
  );
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
