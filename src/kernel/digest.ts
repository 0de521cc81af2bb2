// SPDX-License-Identifier: Apache-2.0
// A few digits that tell texts apart which begin alike. No secret is behind them.
import { createHash } from 'node:crypto';

/** So many hexadecimal digits of SHA-256. */
export function digestOf(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}
