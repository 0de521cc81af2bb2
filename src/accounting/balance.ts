// SPDX-License-Identifier: Apache-2.0
// What the accounts of a device and of its queues show.
import type { Accounts } from '../engine/subject.ts';
import type { CountingMode, QueueAccounting } from './queue-accounting.ts';

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
