// SPDX-License-Identifier: Apache-2.0
// What the agent remembers of the minutes before the page was opened, for its trends.
import type { Trends } from '../diagnosis/queue-trends.ts';
import type { Totals } from './host-status.ts';
import { keyOfQueue } from './queue-state.ts';
import type { Trend } from './trends.ts';

/** `moment`: Unix time; undefined: now. Without an answer the trends begin with the page: nothing is told, for all else is there. */
export async function recallTrends(
  moment: number | undefined,
  trends: ReadonlyMap<string, Trend>,
  totals: Totals,
): Promise<void> {
  const answer = await fetch(`/api/v1/trends${moment === undefined ? '' : `?at=${moment}`}`).catch(() => undefined);
  if (!answer?.ok) return;
  const { takenAt, queues, host }: Trends = await answer.json();
  for (const { offered, dropped, ...queue } of queues)
    trends
      .get(keyOfQueue(queue))
      ?.precede(takenAt.map((at, i) => ({ at, all: offered[i] ?? 0, lost: dropped[i] ?? 0 })));
  totals.precede(
    takenAt.map((at, i) => ({
      at,
      offered: host.offered[i] ?? 0,
      dropped: host.dropped[i] ?? 0,
      lostBefore: host.lostBefore[i] ?? 0,
      written: host.written[i] ?? 0,
    })),
  );
}
