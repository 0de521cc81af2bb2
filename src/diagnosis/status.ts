// SPDX-License-Identifier: Apache-2.0
// One word for a whole verdict: what the first line says, and the exit code.
import type { Finding } from './finding.ts';
import type { Verdict } from './judge.ts';

export type Status = 'ok' | 'warning' | 'critical' | 'unknown';

export const EXIT_CODES: Readonly<Record<Status, number>> = { ok: 0, warning: 1, critical: 2, unknown: 3 };

/**
 * ok: every rule could judge, by exact figures, and found nothing that needs action. `inconclusive`: losses that nothing
 * can be said of yet.
 */
export function statusOf({ findings, unjudged }: Verdict, inconclusive: readonly string[] = []): Status {
  const severities = new Set(findings.map(({ severity }) => severity));
  if (severities.has('critical')) return 'critical';
  if (severities.has('warning')) return 'warning';
  return unjudged.length > 0 || inconclusive.length > 0 || findings.some(isUnsure) ? 'unknown' : 'ok';
}

function isUnsure({ degraded, doubts = [] }: Finding): boolean {
  return degraded.length + doubts.length > 0;
}
