// SPDX-License-Identifier: Apache-2.0
// For tests of the books: readings of one device, and what its books show of them.

import type { Books } from '../../src/accounting/balance.ts';
import type { Reading } from '../../src/accounting/device-totals.ts';
import type { Ledger } from '../../src/accounting/ledger.ts';
import type { Regime } from '../../src/accounting/queue-books.ts';
import { emptySums, type QueueSums } from '../../src/engine/queue-sums.ts';
import { walkedDevice, walkedQueue } from './walked.ts';

export type Counts = Partial<Pick<QueueSums, 'enqueued' | 'purged' | 'resized' | 'failed' | 'bypassed'>> & {
  readonly full?: number;
};

export function sums({ full = 0, ...counts }: Counts): QueueSums {
  return { ...emptySums(16), ...counts, dropped: [0, 0, full] };
}

/** One queue at rest. */
export function reading(counts: Counts, waiting: number, txPackets: number, more: Partial<Reading> = {}): Reading {
  const before = new Map([[0, sums(counts)]]);
  return {
    before,
    after: before,
    walked: walkedDevice([walkedQueue(0, waiting)], txPackets, counts.full),
    otherDropped: 0,
    vhost: false,
    ...more,
  };
}

/** As before Linux 7.3. */
export const ARITHMETIC: Regime = { enqueued: 'counted', taken: 'derived' };

export function update(ledger: Ledger, packets: Reading, regime = ARITHMETIC): Books {
  return ledger.update(packets, regime);
}

export function shown(books: Books, queue = 0): number | undefined {
  return books.queues.get(queue)?.delivered;
}

export const imbalances = (books: Books): readonly number[] => books.audit.map(({ imbalance }) => imbalance);
