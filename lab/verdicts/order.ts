// SPDX-License-Identifier: Apache-2.0
// What the host says to the VM and what comes back, a line for each run.
import { at, listAt, numberAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import type { Run } from './plan.ts';
import type { Score } from './score.ts';
import type { ReaderKind, Variant } from './setup.ts';

export interface Order {
  readonly runs: readonly Run[];
  /** Whether windows are wanted as fixtures. */
  readonly record: boolean;
}

export interface Result {
  /** undefined: the result is of a whole wave, about the agent itself. */
  readonly run: Run | undefined;
  readonly scores: readonly Score[];
  readonly figures: unknown;
  /** The window as a fixture, in base64. */
  readonly fixture: string | undefined;
}

/** Begins a line that is a result; all others are what went wrong. */
export const RESULT = 'VERDICT ';

export function orderOf(value: unknown): Order {
  return {
    record: at(value, 'record') === true,
    runs: listAt(value, 'runs').map((run) => ({ scenario: numberAt(run, 'scenario'), variant: variantOf(run) })),
  };
}

function variantOf(run: unknown): Variant {
  const reader = textAt(run, 'variant', 'reader');
  if (!isReader(reader)) throw new Error(`There is no reader '${reader}'.`);
  const [ring, rate] = [numberAt(run, 'variant', 'ring'), numberAt(run, 'variant', 'rate')];
  return { kernel: textAt(run, 'variant', 'kernel'), reader, ring, rate };
}

function isReader(word: string): word is ReaderKind {
  return word === 'tap' || word === 'tun' || word === 'vhost';
}

/** It comes from the same source, on another kernel. */
export function resultOf(line: string): Result {
  return parseJson(line.slice(RESULT.length)) as Result;
}
