// SPDX-License-Identifier: Apache-2.0
// What the test reader's answers say, by kind.
import { at, numberAt } from '../host/checked-json.ts';
import type { Errors, GuestCounts, ReadCounts, SendCounts } from './test-reader.ts';

export function readCounts(answer: unknown): ReadCounts {
  return { packets: numberAt(answer, 'packets'), bytes: numberAt(answer, 'bytes'), errors: errorsOf(answer) };
}

export function guestCounts(answer: unknown): GuestCounts {
  return {
    packets: numberAt(answer, 'packets'),
    bytes: numberAt(answer, 'bytes'),
    posted: numberAt(answer, 'posted'),
  };
}

export function sendCounts(answer: unknown): SendCounts {
  const sent = numberAt(answer, 'sent');
  const errors = errorsOf(answer);
  const refused = Object.values(errors).reduce((sum, count) => sum + count, 0);
  return { sent, tried: sent + refused, errors };
}

export function errorsOf(answer: unknown): Errors {
  const errors = at(answer, 'errors');
  if (typeof errors !== 'object' || errors === null) {
    throw new Error(`Expected errors in ${JSON.stringify(answer)}.`);
  }
  return Object.fromEntries(Object.keys(errors).map((name) => [name, numberAt(errors, name)]));
}
