// SPDX-License-Identifier: Apache-2.0
// Late answers, and whether they have a reason that is not the agent: more wants to run than the host has CPUs.

/** Samples come each second, and of a busy agent less often. */
const LATE_SECONDS = 3;

/**
 * 'judged 9 s ago: the agent gets no CPU (load 41)': what was seen last, and so is late, not unmeasured; undefined: it is so now.
 * `load`: as `shortOfCpu()` says it.
 */
export function lateWords(
  takenAt: number,
  load: string | undefined,
  everySeconds = 1,
  now = Date.now() / 1000,
): string | undefined {
  const age = now - takenAt;
  if (age <= LATE_SECONDS * Math.max(1, everySeconds)) return undefined;
  return `judged ${Math.round(age)} s ago: the agent ${load === undefined ? 'is late' : `gets no CPU (${load})`}`;
}
