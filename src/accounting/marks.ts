// SPDX-License-Identifier: Apache-2.0
// Why the figures of a device are not exact: differences that last, and packets past the probes, until a while after the last.
import { MARKED_SECONDS } from '../snapshot/device.ts';
import type { AuditResult } from '../snapshot/queue.ts';

/** Snapshots in a row that must disagree before a device is called degraded: one may have been read in the middle of something. */
export const PATIENCE = 3;

/** Snapshots that disagreed, why, and by how many packets the last. */
const NOTHING_WRONG = { count: 0, sentence: '', size: 0 };

export class Marks {
  #wrong = NOTHING_WRONG;
  #bypassed = { packets: 0, at: Number.NEGATIVE_INFINITY };

  /** Audits that differ by more than `tolerance` packets. */
  ofAudits(equations: readonly AuditResult[], tolerance: number, atRest: boolean): readonly string[] {
    const wrong = equations.find(({ imbalance }) => Math.abs(imbalance) > tolerance);
    const { count, size } = this.#wrong;
    if (wrong) this.#wrong = { count: count + 1, sentence: explain(wrong), size: Math.abs(wrong.imbalance) };
    // What moves hides a small difference, unless there is none at all.
    else if (atRest || size > tolerance || equations.every(({ imbalance }) => imbalance === 0))
      this.#wrong = NOTHING_WRONG;
    return this.#wrong.count >= PATIENCE ? [this.#wrong.sentence] : [];
  }

  /** Drops of packets that the program at the transmit function did not see. */
  ofBypassed(packets: number, nowSeconds: number): readonly string[] {
    // A smaller count than before: counting began anew.
    if (packets < this.#bypassed.packets) this.#bypassed = { packets, at: Number.NEGATIVE_INFINITY };
    if (packets > this.#bypassed.packets) this.#bypassed = { packets, at: nowSeconds };
    const ago = nowSeconds - this.#bypassed.at;
    if (ago >= MARKED_SECONDS) return [];
    return [
      `${packets} dropped packets came past the offered probe, the last ${Math.round(ago)} s ago (PACKET_QDISC_BYPASS or pktgen start_xmit, unless the kernel skipped it)`,
    ];
  }
}

function explain({ equation, imbalance }: AuditResult): string {
  if (equation === 'ring' && imbalance > 0)
    return `${imbalance} packets more entered the ring than left it or lie in it`;
  if (equation === 'dropped') return `the kernel’s tx_dropped differs from the drops counted by ${imbalance}`;
  if (imbalance < 0) return `${-imbalance} packets more came out of the ring than our programs saw offered`;
  return `${imbalance} packets left the ring that the kernel does not count as delivered`;
}
