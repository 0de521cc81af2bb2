// SPDX-License-Identifier: Apache-2.0
// Boots one kernel, which plays its runs; its output is printed as it comes.

import { runGuest } from '../vm/guest-program.ts';
import { RESULT, type Result, resultOf } from './order.ts';
import type { Run } from './plan.ts';
import { lineOf } from './verdicts-section.ts';

const LIMIT_MS = 2_700_000;
/** Here an agent takes as much of an emulated CPU as on a thousand hosts: with fewer of them readers wait for it, truly starved. */
const CPUS = 4;

export async function playOn(series: string, all: readonly Run[], record: boolean): Promise<readonly Result[]> {
  const runs = all.filter(({ variant }) => variant.kernel === series);
  if (runs.length === 0) return [];
  const results: Result[] = [];
  await runGuest(series, 'lab/verdicts/play-in-vm.ts', [JSON.stringify({ runs, record })], {
    say: (line) => console.error(line),
    timeoutMs: LIMIT_MS,
    cpus: CPUS,
    onLine: (line) => {
      const result = line.startsWith(RESULT) ? resultOf(line) : undefined;
      if (result) results.push(result);
      console.error(`${series}: ${result ? lineOf(result) : line}`);
    },
  });
  return results;
}
