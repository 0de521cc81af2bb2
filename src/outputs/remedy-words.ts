// SPDX-License-Identifier: Apache-2.0
// What a remedy costs and whose it is, in the same words everywhere.
import type { Remedy } from '../rules/finding.ts';

const WHO = { host: 'host', guest: 'in the guest', vmm: 'author of the reading program' };

/** 'host, lossless, no restart' */
export function priceOf({ by, lossless, restart }: Remedy): string {
  return [WHO[by], lossless ? 'lossless' : 'LOSES PACKETS', restart ? 'RESTART' : 'no restart'].join(', ');
}
