// SPDX-License-Identifier: Apache-2.0
// Names of errors: of a number, and of what was thrown.
import { constants } from 'node:os';

/** Errors that tun answers and that Node does not know. */
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

/** The errno name of an error of the addon, or of Node's own: 'EPERM'. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
