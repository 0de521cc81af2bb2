// SPDX-License-Identifier: Apache-2.0
// The name of an error number.
import { constants } from 'node:os';

/** Those that tun answers and that Node does not know. */
const UNKNOWN_TO_NODE: readonly (readonly [number, string])[] = [
  [77, 'EBADFD'],
  [512, 'ERESTARTSYS'], // a signal came while a writer waited for room
];

const names = new Map<number, string>([
  ...Object.entries(constants.errno).map(([name, number]) => [number, name] as const),
  ...UNKNOWN_TO_NODE,
  [11, 'EAGAIN'], // Node has EWOULDBLOCK of the same number
]);

export function errorName(number: number): string {
  return names.get(number) ?? `unknown_${number}`;
}
