// SPDX-License-Identifier: Apache-2.0
// The cost and the responsible party of a remedy, as text for all outputs.
import type { Remedy } from '../diagnosis/finding.ts';

const WHO = { host: 'host', guest: 'in the guest', vmm: 'author of the reading program' };

/** 'host, no packet lost, no restart', or 'host, read-only' */
export function priceOf({ by, lossless, restart, inspects, losesHistory }: Remedy): string {
  if (inspects) return `${WHO[by]}, read-only`;
  if (losesHistory) return `${WHO[by]}, no packet lost, RESTARTS TAPSCOPE`;
  return [WHO[by], lossless ? 'no packet lost' : 'LOSES PACKETS', restart ? 'RESTART' : 'no restart'].join(', ');
}

/** The label before a remedy. */
export function titleOf({ inspects }: Remedy, index: number): string {
  return index > 0 ? 'Or' : inspects ? 'Look' : 'Do';
}
