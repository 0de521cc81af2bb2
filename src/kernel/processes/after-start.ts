// SPDX-License-Identifier: Apache-2.0
// The memory that only the start of an agent needs.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { giveMemoryBack } from './native-processes.ts';

/** By then V8 has compiled what runs each second. */
const STARTED_MS = 30_000;
/** V8 compiles now and then later on, which leaves free pieces behind. A millisecond each. */
const EVERY_MS = 60_000;
/** Every Node from 20.19 to 26 has them: of a flag that it does not know V8 would complain. */
const FLAGS = ['--expose-gc', '--stress-flush-code', '--flush-baseline-code'];

/** Half a minute after the start: a tenth of a second of CPU time, once. */
export function forgetStartSoon(): void {
  setTimeout(() => {
    forgetCode();
    giveMemoryBack();
    setInterval(giveMemoryBack, EVERY_MS).unref();
  }, STARTED_MS).unref();
}

/**
 * The bytecode file has all functions. By itself V8 would keep those that never run for days: an idle agent makes too little garbage. A function that runs
 * again is compiled from its text; those that V8 has optimized stay.
 */
export function forgetCode(): void {
  for (const flag of FLAGS) setFlagsFromString(flag);
  const collect = runInNewContext('gc');
  // The first may only end a collection that began without the flags.
  for (let times = 0; times < 2; times += 1) collect();
  // Node 20 does not know this one. It gives free pages back.
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  for (const flag of FLAGS) setFlagsFromString(flag.replace('--', '--no-'));
}
