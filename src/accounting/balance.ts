// SPDX-License-Identifier: Apache-2.0
// What the accounts of a device and of its queues show.
import type { UnseenPackets } from '../snapshot/device.ts';
import type { AuditResult } from '../snapshot/queue.ts';
import type { CountingMode, QueueAccounting } from './queue-accounting.ts';

/** One queue as its accounts show it; packets. */
export interface QueueBalance {
  readonly enqueued: number;
  /** Enqueued by the transmit function, not by XDP. */
  readonly transmitted: number;
  readonly delivered: number;
  /** Taken by read(). */
  readonly read: number;
  readonly audit: readonly AuditResult[];
  /** undefined: the equation of the ring does not apply. */
  readonly auditPending: boolean | undefined;
  /** false: no probe tells the packets of this queue from its neighbours'. */
  readonly known: boolean;
  /** Dropped by tun without any program of ours seeing it. */
  readonly untraced: number;
}

export interface Accounts {
  /** Balances by queue index, for queues with counters or a ring. */
  readonly queues: ReadonlyMap<number, QueueBalance>;
  readonly audit: readonly AuditResult[];
  readonly degraded: readonly string[];
  readonly unseen: UnseenPackets;
}

/** Balances by queue index; `untraced`: drops of a queue that no program saw. */
export function balancesOf(
  queues: ReadonlyMap<number, QueueAccounting>,
  mode: CountingMode,
  untraced: ReadonlyMap<number, number>,
): Accounts['queues'] {
  // Without a probe on either side of the ring it is not known which of several queues a packet went through.
  const known = mode.enqueued === 'counted' || mode.taken === 'counted' || queues.size === 1;
  return new Map(
    [...queues].map(([index, queue]) => {
      const { enqueued, transmitted, delivered, read } = queue;
      const imbalance = queue.imbalance();
      const audit = imbalance === undefined ? [] : [{ equation: 'ring', imbalance }];
      const auditPending = audit.length > 0 || queue.unaudited ? queue.unaudited : undefined;
      const own = { audit, auditPending, known, untraced: untraced.get(index) ?? 0 };
      return [index, { enqueued, transmitted, delivered, read, ...own }];
    }),
  );
}
