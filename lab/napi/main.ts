// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/napi/main.ts [--build] [--write]: guest-to-guest UDP with two builds of tun, with and without the NAPI cache, in VMs.
// --build: only builds them; --write: the section of docs/benchmarks.md.
import { parseJson } from '../../test/host/checked-json.ts';
import { program } from '../../test/host/scope.ts';
import { writeSection } from '../report/report.ts';
import { noVm } from '../vm/boot.ts';
import { runGuest } from '../vm/guest-program.ts';
import { provideKernel } from '../vm/kernels.ts';
import { type Pair, pairSection, readPair } from './pair-table.ts';
import { SERIES, tunModules } from './tun-modules.ts';

const LIMIT_MS = 3_600_000;
const SECONDS = 0.5;
const ROUNDS = { timed: 6, clocked: 3 };

const say = (line: string): void => console.error(line);

async function main(words: readonly string[]): Promise<void> {
  const kernel = await provideKernel(SERIES, say);
  const folder = await tunModules(kernel, say);
  say(`kernel ${SERIES}: two builds of tun in ${folder}`);
  if (words.includes('--build')) return;
  if (noVm) throw new Error(`Nothing was measured: it ${noVm}.`);
  const timed = await measure(folder, ROUNDS.timed, false);
  const clocked = await measure(folder, ROUNDS.clocked, true);
  const section = pairSection({ kernel: kernel.release, timed, clocked });
  console.log(section);
  if (words.includes('--write')) writeSection('napi', section);
}

async function measure(folder: string, rounds: number, instructionClock: boolean): Promise<Pair> {
  const { output } = await runGuest(SERIES, 'lab/napi/pair-guest.ts', [folder, String(SECONDS), String(rounds)], {
    ...{ say, onLine: say, instructionClock, timeoutMs: LIMIT_MS },
  });
  return readPair(parseJson(output.trimEnd().split('\n').at(-1) ?? ''));
}

await program(main);
