// SPDX-License-Identifier: Apache-2.0
// The answer to `tapscope check DEVICE`: by a fresh look where there is time for one, else by what was seen last, and never OK by that.
import { setTimeout as wait } from 'node:timers/promises';
import { keyOf, report } from '../diagnosis/active-findings.ts';
import type { Finding } from '../diagnosis/finding.ts';
import { type AskedVerdict, judgeAsked } from '../diagnosis/judge-asked.ts';
import { inOrder, isProblem } from '../diagnosis/order.ts';
import { findingsOn, narrowed, queueIn, type Scope } from '../diagnosis/scope.ts';
import { statusOf } from '../diagnosis/status.ts';
import type { Device } from '../snapshot/device.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { ApiDependencies } from './api.ts';
import { notThere, unanswerable } from './refusals.ts';

type Needed = Pick<ApiDependencies, 'observer' | 'takeSnapshot' | 'ask' | 'load'>;

/** Where there is time, what is read for questions alone is read for so long. */
const LOOK_MS = 1300;
/** A look that began later than this before its end shows nothing. */
const LEAST_LOOK_SECONDS = 0.5;
const POLL_MS = 50;
/** Before the end it is read again: what grew since the beginning is what counts. */
const AGAIN_MS = 400;
/** What is left for the snapshot at the end of the look. */
const SNAPSHOT_MS = 200;

/** Takes `withinMs` at most, if this process gets CPU. Throws a refusal, whose sentence is the whole answer. */
export async function checkAsked(needed: Needed, scope: Scope, withinMs: number): Promise<AskedVerdict> {
  const { observer, ask, load } = needed;
  const until = performance.now() + withinMs;
  const askedAt = Date.now() / 1000;
  ask?.();
  const words = load?.();
  const isThere = (last: Snapshot | undefined): boolean =>
    last !== undefined && narrowed(last, scope).devices.length > 0;
  const last = observer.history.recent.at(-1);
  // Without free CPU a look makes the answer late, and what is wrong is known.
  if (words !== undefined && last && hasProblem(needed, last, scope))
    return judged(needed, observer.history.recent, scope);
  const isWorthIt = isThere(last) || isThere(await snapshotBefore(until, needed));
  const lookUntil = Math.min(performance.now() + LOOK_MS, until - SNAPSHOT_MS);
  const isFresh = (): boolean => (observer.history.recent.at(-1)?.takenAt ?? 0) - askedAt >= LEAST_LOOK_SECONDS;
  const waitUntil = (end: number): Promise<void> => wait(Math.max(0, end - performance.now()));
  if (isWorthIt && words === undefined) {
    await waitUntil(lookUntil - AGAIN_MS);
    ask?.();
    await waitUntil(lookUntil);
  }
  // Another snapshot takes CPU that is short: that of the next second is as good.
  else if (isWorthIt) while (!isFresh() && performance.now() < lookUntil) await wait(POLL_MS);
  const newest = words !== undefined && isFresh() ? undefined : await snapshotBefore(until, needed);
  const { recent } = observer.history;
  const seen = newest ? [...recent.filter(({ takenAt }) => takenAt < newest.takenAt), newest] : recent;
  const verdict = judged(needed, seen, scope);
  if (verdict.last.takenAt - askedAt >= LEAST_LOOK_SECONDS) return verdict;
  const doubt = `there was no time for a fresh look (${words ?? 'the agent is late'})`;
  const inconclusive = [...verdict.inconclusive, doubt];
  return { ...verdict, inconclusive, status: statusOf(verdict.verdict, inconclusive) };
}

/** undefined: none came in time. */
async function snapshotBefore(until: number, { takeSnapshot }: Needed): Promise<Snapshot | undefined> {
  const over = new AbortController();
  const tooLate = wait(Math.max(0, until - performance.now()), undefined, { signal: over.signal });
  return Promise.race([takeSnapshot(), tooLate.catch(() => undefined)]).finally(() => over.abort());
}

function hasProblem(needed: Needed, last: Snapshot, scope: Scope): boolean {
  const { devices } = narrowed(last, scope);
  return trackedOn(needed, devices, queueIn(last, scope)).some((one) => one.device !== undefined && isProblem(one));
}

/** As `diagnose` judges; what the agent found in the last half minute and is over stands behind that. */
function judged(needed: Needed, snapshots: readonly Snapshot[], scope: Scope): AskedVerdict {
  if (snapshots.length < 2) throw notThere('Nothing is judged yet: the agent has just started.');
  const made = answerOf(() => judgeAsked(snapshots, scope));
  const known = new Set(made.verdict.findings.map(keyOf));
  const past = trackedOn(needed, made.devices, queueIn(made.last, scope)).filter((one) => !known.has(keyOf(one)));
  const verdict = { ...made.verdict, findings: inOrder([...made.verdict.findings, ...past]) };
  return { ...made, verdict, status: statusOf(verdict, made.inconclusive) };
}

/** Active findings of these devices and of the agent itself. */
function trackedOn({ observer }: Needed, devices: readonly Device[], queue: number | undefined): readonly Finding[] {
  return findingsOn((observer.latest()?.active ?? []).map(report), devices, queue);
}

/** Who asked gets the sentence as it is: no such device, or one that came just now. */
function answerOf(work: () => AskedVerdict): AskedVerdict {
  try {
    return work();
  } catch (error) {
    throw unanswerable(error instanceof Error ? error.message : String(error));
  }
}
