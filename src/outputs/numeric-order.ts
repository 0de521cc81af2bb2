// SPDX-License-Identifier: Apache-2.0
// Names in the order in which people count.

/** A sort key that puts tap2 before tap10. Not localeCompare(): that looks for all locales. */
export function inNumericOrder(text: string): string {
  return text.replace(/\d+/g, (number) => number.padStart(12, '0'));
}
