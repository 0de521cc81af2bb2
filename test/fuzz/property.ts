// SPDX-License-Identifier: Apache-2.0
// A test of a property that holds for every input: thousands of random ones, with WHOLE=1 20 times as many.
import assert from 'node:assert/strict';
import { relative } from 'node:path';
import { test } from 'node:test';
import { type Arbitrary, asyncProperty, assert as check, property } from 'fast-check';
import { escapedJson } from '../../src/snapshot/visible.ts';
import { sourceOf } from '../bundled.ts';
import { seedOf } from '../host/random.ts';
import { isWhole } from '../whole.ts';

interface Effort<Input> {
  /** The number of inputs. */
  readonly runs?: number;
  /** The corpus: inputs that failed once. Tried first, in every run. */
  readonly examples?: readonly Input[];
}

const RUNS = 10_000;
const WHOLE_FACTOR = 20;

/** The number of inputs in this run. Costly inputs are fewer than `RUNS`. */
export function runsOf(runs: number): number {
  return runs * (isWhole ? WHOLE_FACTOR : 1);
}

/** `holds` throws where the property does not. A failure names the smallest input, the seed, and the command that repeats it. */
export function holdsForAll<Input>(
  name: string,
  inputs: Arbitrary<Input>,
  holds: (input: Input) => void,
  { runs = RUNS, examples = [] }: Effort<Input> = {},
): void {
  test(name, (t) => {
    const seed = seedOf(t);
    repeatable(seed, () =>
      check(property(inputs, holds), { seed, numRuns: runsOf(runs) + examples.length, examples: inTuples(examples) }),
    );
  });
}

/** The same for a property that takes a moment: a server that answers, a file that is read. */
export function holdsInTime<Input>(
  name: string,
  inputs: Arbitrary<Input>,
  holds: (input: Input) => Promise<void>,
  { runs = RUNS, examples = [] }: Effort<Input> = {},
): void {
  test(name, async (t) => {
    const seed = seedOf(t);
    const checked = check(asyncProperty(inputs, holds), {
      seed,
      numRuns: runsOf(runs) + examples.length,
      examples: inTuples(examples),
    });
    await checked.catch((error: unknown) => repeatable(seed, () => refuse(error)));
  });
}

function inTuples<Input>(examples: readonly Input[]): [Input][] {
  return examples.map((example) => [example]);
}

function refuse(error: unknown): never {
  throw error;
}

function repeatable(seed: number, run: () => void): void {
  try {
    run();
  } catch (error) {
    const file = sourceOf(relative('.', process.argv[1] ?? ''));
    const whole = isWhole ? 'WHOLE=1 ' : '';
    const said = error instanceof Error ? `${error.message}\n${because(error.cause)}` : String(error);
    throw new Error(`${shown(said)}\nRepeat it: ${whole}SEED=${seed} npm test -- ${file}`, { cause: error });
  }
}

/** Makes visible what is invisible in the smallest input. */
function shown(text: string): string {
  return text.split('\n').map(escapedJson).join('\n');
}

function because(cause: unknown): string {
  return cause instanceof Error ? `Because: ${cause.message}` : '';
}

const PROGRAMMING = [TypeError, RangeError, ReferenceError, SyntaxError, URIError];
const LONGEST_SENTENCE = 1000;

/** One line for a person, of bounded length, that the product wrote itself: no mistake of the program shows through. */
export function assertSentence(error: unknown, longest = LONGEST_SENTENCE): void {
  assert.ok(error instanceof Error, `${String(error)} is no error`);
  const isMistake = PROGRAMMING.some((kind) => error.constructor === kind);
  assert.ok(!isMistake, `a mistake of the program: ${error.stack}`);
  assert.doesNotMatch(error.message, /[\n\r]/);
  assert.ok(error.message.length <= longest, `${error.message.length} characters: ${error.message.slice(0, 200)}`);
  assert.match(error.message, /[^\s]/);
}

/** Runs it; undefined: it refused with a sentence. */
export function orSentence<Result>(run: () => Result, longest?: number): Result | undefined {
  try {
    return run();
  } catch (error) {
    assertSentence(error, longest);
    return undefined;
  }
}
