// SPDX-License-Identifier: Apache-2.0
// The driver as a child: while it measures, this process sleeps in a pipe.
import { spawn } from 'node:child_process';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { at, numberAt, parseJson } from '../../test/host/checked-json.ts';
import { PATHS, type Prices, type SCALED_PATHS } from './packet-paths.ts';

const file = join(import.meta.dirname, '../../dist/lab/cost-driver');

/** Rounds of a path with many rings. One round of 256 queues has many packets; one of 4 queues has so few that a timer's tick shows. */
const SCALED_ROUNDS = 1;
const FEW_QUEUES_ROUNDS = 15;

export interface Driver {
  /** `but`: without these. */
  readonly clock: (paths: typeof PATHS | typeof SCALED_PATHS, but?: readonly string[]) => Promise<Prices>;
  readonly stop: () => void;
}

export async function startDriver(rounds: number): Promise<Driver> {
  const { answer, ask, stop } = startAsked(file);
  await answer();
  return {
    clock: (paths, but = []) =>
      clock(paths, but, (command) => ask(command, paths === PATHS ? rounds : scaledRounds(command))),
    stop,
  };
}

function scaledRounds(command: string): number {
  return command === 'few-queues' ? FEW_QUEUES_ROUNDS : SCALED_ROUNDS;
}

/** A program that answers each line with one of JSON. */
export interface Asked {
  readonly answer: () => Promise<unknown>;
  readonly ask: (word: string, number: number) => Promise<unknown>;
  readonly stop: () => void;
}

export function startAsked(program: string): Asked {
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const { done, value } = await lines.next();
    if (done) throw new Error(`${basename(program)} has ended: its reason stands above.`);
    return parseJson(value);
  };
  return {
    answer,
    ask: (word, number) => {
      child.stdin.write(`${word} ${number}\n`);
      return answer();
    },
    stop: () => child.stdin.end(),
  };
}

async function clock(
  paths: typeof PATHS | typeof SCALED_PATHS,
  but: readonly string[],
  ask: (command: string) => Promise<unknown>,
): Promise<Prices> {
  const answers = new Map<string, unknown>();
  const prices: [string, number][] = [];
  for (const [path, [command, figure]] of Object.entries(paths)) {
    if (but.includes(path)) continue;
    const known = answers.get(command) ?? (await ask(command));
    answers.set(command, known);
    // A path that the kernel does not have has no figure.
    if (at(known, figure) !== undefined) prices.push([path, numberAt(known, figure, 'median')]);
  }
  return Object.fromEntries(prices);
}
