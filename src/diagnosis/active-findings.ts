// SPDX-License-Identifier: Apache-2.0
// Hysteresis: a finding becomes active when two judgements in a row have made it, and ends when none has for a while.
import type { Finding } from './finding.ts';
import { bySeverity } from './order.ts';

/** A finding as people are told of it. */
export interface TrackedFinding {
  readonly finding: Finding;
  /** Unix time of the judgement that made it first, seconds. */
  readonly since: number;
  /** Unix time of the last judgement that made it, seconds. */
  readonly seen: number;
  /** Two judgements in a row have made it; one that was made once is not reported yet. */
  readonly isActive: boolean;
}

/** Users see the finding and its times as one thing. */
export type ReportedFinding = Finding & Pick<TrackedFinding, 'since' | 'seen'>;

export function report({ finding, since, seen }: TrackedFinding): ReportedFinding {
  return { ...finding, since, seen };
}

/** A fault that comes and goes is one fault. */
const CLEARS_AFTER_SECONDS = 30;

/** `judgedAt`: Unix time, seconds. Pure: the caller keeps what it gets and gives it back with the next judgement. */
export function track(
  before: readonly TrackedFinding[],
  findings: readonly Finding[],
  judgedAt: number,
): readonly TrackedFinding[] {
  // The clock may have been set back meanwhile: nothing was seen later than now.
  const known = new Map(
    before.map((tracked) => [
      keyOf(tracked.finding),
      { ...tracked, since: Math.min(tracked.since, judgedAt), seen: Math.min(tracked.seen, judgedAt) },
    ]),
  );
  const made = findings.map((finding): TrackedFinding => {
    const earlier = known.get(keyOf(finding));
    known.delete(keyOf(finding));
    return { finding, since: earlier?.since ?? judgedAt, seen: judgedAt, isActive: earlier !== undefined };
  });
  const recent = [...known.values()].filter(({ isActive, seen }) => isActive && judgedAt - seen < CLEARS_AFTER_SECONDS);
  // What has ended comes behind what is so now and as grave: the exit code is the worst of all, and the first line has to fit it.
  return [...made, ...recent].sort(({ finding: a }, { finding: b }) => bySeverity(a, b));
}

/** A finding whose figures or severity change stays the same finding. */
export function keyOf({ rule, netns, device, queue }: Finding): string {
  return JSON.stringify([rule, netns, device, queue]);
}
