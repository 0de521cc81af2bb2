// SPDX-License-Identifier: Apache-2.0
// Did you mean, of an option with its value: commander takes '--jsno=yes' as a whole, which is near none of its options.
import { closestName } from '../../diagnosis/closest-name.ts';

/** What to add to what commander says; '': nothing. */
export function meantOption(error: string, options: readonly string[]): string {
  const option = /^error: unknown option '(--[^=']*)=/.exec(error)?.[1];
  const name = option && closestName(option, options);
  return name ? `(Did you mean ${name}?)\n` : '';
}
