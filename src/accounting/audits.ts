// SPDX-License-Identifier: Apache-2.0
// The audits of a device, the programs' figures against the kernel's: `delivered` by E1 and E2 of docs/accounting.md, `dropped` by E3.

import { sumOf } from '../engine/queue-sums.ts';
import type { Accounts } from '../engine/subject.ts';
import type { AuditResult } from '../snapshot/queue.ts';
import type { QueueAccounting } from './queue-accounting.ts';
import type { CountingMode } from './queue-reading.ts';

/** Packets. */
interface Differences {
  /** Delivered by the programs' counts, beyond what the kernel counts. */
  readonly delivered: number;
  /** Offered packets that may have entered: the packets of `delivered` may be these. */
  readonly entering: number;
  /** Drops that may be counted as packets that entered: the packets of `delivered` may be these. */
  readonly doubtful: number;
  /** Dropped by the kernel's count, beyond what programs saw. */
  readonly dropped: number;
  /** The most of `dropped` that losses before tun explain. */
  readonly explained: number;
}

export function auditsOf(mode: CountingMode, differences: Differences): AuditResult[] {
  const { delivered, entering, doubtful, dropped, explained } = differences;
  const audit: AuditResult[] = [];
  const open = Math.min(entering, Math.max(0, -delivered)) - Math.min(doubtful, Math.max(0, delivered));
  const derived = mode.taken === 'derived' ? open : 0;
  if (mode.taken !== 'device') audit.push({ equation: 'delivered', imbalance: delivered + derived });
  // The core adds its own drops (no reader, no room to validate) to tx_dropped; a qdisc's are not in it.
  if (mode.enqueued === 'counted' || dropped < 0)
    audit.push({ equation: 'dropped', imbalance: dropped > 0 ? Math.max(0, dropped - explained) : dropped });
  return audit;
}

/** Counts of both sides of a ring, of one of several queues or of the only one; undefined: not both are counted. */
interface AuditedRing {
  imbalance(): number | undefined;
}

/**
 * The rings of a device, each queue's by itself. `unassigned`: packets that entered and that no program saw, of which it is known how many
 * there are: where queues lack those and nothing else, that is told of the device, and a ring has no fault.
 */
export function ringsOf(queues: readonly AuditedRing[], unassigned: number, tolerance: number): AuditResult[] {
  const imbalances = queues.map((one) => one.imbalance() ?? 0);
  const lacking = -sumOf(imbalances);
  const isTold = unassigned > 0 && imbalances.every((imbalance) => imbalance <= tolerance);
  if (isTold && Math.abs(lacking - unassigned) <= tolerance) return [];
  return imbalances.map((imbalance) => ({ equation: 'ring', imbalance }));
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
