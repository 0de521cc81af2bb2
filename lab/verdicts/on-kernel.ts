// SPDX-License-Identifier: Apache-2.0
// Boots one kernel, which plays its runs; its output is printed as it comes.

import { runInVm } from '../vm/boot.ts';
import { guestProgram } from '../vm/guest-program.ts';
import { provideKernel } from '../vm/kernels.ts';
import { RESULT, type Result, resultOf } from './order.ts';
import type { Run } from './plan.ts';
import { lineOf } from './verdicts-section.ts';

const LIMIT_MS = 2_700_000;
/** Here an agent takes as much of an emulated CPU as on a thousand hosts: with fewer of them readers wait for it, truly starved. */
const CPUS = 4;

export async function playOn(series: string, all: readonly Run[], record: boolean): Promise<readonly Result[]> {
  const runs = all.filter(({ variant }) => variant.kernel === series);
  if (runs.length === 0) return [];
  const kernel = await provideKernel(series, (line) => console.error(line));
  const results: Result[] = [];
  let rest = '';
  const hear = (text: string): void => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith(RESULT)) {
        console.error(`${series}: ${line}`);
        continue;
      }
      const result = resultOf(line);
      results.push(result);
      console.error(`${series}: ${lineOf(result)}`);
    }
  };
  const { command } = await guestProgram(`verdicts-${series}`, ['lab/verdicts/play-in-vm.ts']);
  const { status } = await runInVm(kernel, command([JSON.stringify({ runs, record })]), {
    timeoutMs: LIMIT_MS,
    onOutput: hear,
    cpus: CPUS,
  });
  if (status !== 0) throw new Error(`The scenarios on Linux ${series} ended with status ${status}: see above.`);
  return results;
}
