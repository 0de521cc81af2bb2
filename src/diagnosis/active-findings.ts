// SPDX-License-Identifier: Apache-2.0
// Hysteresis: a finding stands when two judgements running have made it, and goes when none has for a while.
import type { Finding } from './finding.ts';

/** A finding as people are told of it. */
export interface Standing {
  readonly finding: Finding;
  /** Unix time of the judgement that made it first, seconds. */
  readonly since: number;
  /** Of the last one that made it. */
  readonly seen: number;
  /** Made once is not told yet. */
  readonly stands: boolean;
}

/** To people it is one thing. */
export type Told = Finding & Pick<Standing, 'since' | 'seen'>;

export function tell({ finding, since, seen }: Standing): Told {
  return { ...finding, since, seen };
}

/** A fault that comes and goes is one fault. */
const CLEARS_AFTER_SECONDS = 30;

/** `judgedAt`: Unix time, seconds. Pure: the caller keeps what it gets and gives it back with the next judgement. */
export function stand(
  before: readonly Standing[],
  findings: readonly Finding[],
  judgedAt: number,
): readonly Standing[] {
  // The clock may have been set back meanwhile: nothing was seen later than now.
  const known = new Map(
    before.map((standing) => [
      keyOf(standing.finding),
      { ...standing, since: Math.min(standing.since, judgedAt), seen: Math.min(standing.seen, judgedAt) },
    ]),
  );
  const made = findings.map((finding): Standing => {
    const earlier = known.get(keyOf(finding));
    known.delete(keyOf(finding));
    return { finding, since: earlier?.since ?? judgedAt, seen: judgedAt, stands: earlier !== undefined };
  });
  const lately = [...known.values()].filter(({ stands, seen }) => stands && judgedAt - seen < CLEARS_AFTER_SECONDS);
  return [...made, ...lately];
}

/** A finding whose figures or severity change stays the same finding. */
export function keyOf({ rule, netns, device, queue }: Finding): string {
  return JSON.stringify([rule, netns, device, queue]);
}
