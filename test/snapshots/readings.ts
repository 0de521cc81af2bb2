// SPDX-License-Identifier: Apache-2.0
// For tests of the accounts: readings of one device, and what its accounts show of them.
import type { DeviceAccounting } from '../../src/accounting/device-accounting.ts';
import type { Reading } from '../../src/accounting/device-totals.ts';
import type { CountingMode } from '../../src/accounting/queue-reading.ts';
import { emptySums, type QueueSums } from '../../src/engine/queue-sums.ts';
import type { Accounts } from '../../src/engine/subject.ts';
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
    heldUnseen: false,
    ...more,
  };
}

/** The counting mode before Linux 7.3. */
export const ARITHMETIC: CountingMode = { enqueued: 'counted', taken: 'derived' };

export function update(accounting: DeviceAccounting, packets: Reading, mode = ARITHMETIC): Accounts {
  return accounting.update(packets, mode);
}

export function shown(accounts: Accounts, queue = 0): number | undefined {
  return accounts.queues.get(queue)?.delivered;
}

export const imbalances = (accounts: Accounts): readonly number[] => accounts.audit.map(({ imbalance }) => imbalance);
