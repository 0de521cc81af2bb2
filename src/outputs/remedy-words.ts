// SPDX-License-Identifier: Apache-2.0
// What a remedy costs and whose it is, in the same words everywhere.
import type { Remedy } from '../diagnosis/finding.ts';

const WHO = { host: 'host', guest: 'in the guest', vmm: 'author of the reading program' };

/** 'host, lossless, no restart', or 'host, only shows' */
export function priceOf({ by, lossless, restart, inspects }: Remedy): string {
  if (inspects) return `${WHO[by]}, only shows`;
  return [WHO[by], lossless ? 'lossless' : 'LOSES PACKETS', restart ? 'RESTART' : 'no restart'].join(', ');
}

/** What stands before the remedies, of which this is the first. */
export function titleOf({ inspects }: Remedy, index: number): string {
  return index > 0 ? 'Or' : inspects ? 'Look' : 'To do';
}
