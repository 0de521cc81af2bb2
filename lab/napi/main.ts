// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/napi/main.ts [--build] [--write]: guest-to-guest UDP with two builds of tun, with and without the NAPI cache, in VMs.
// --build: only builds them; --write: the section of docs/benchmarks.md.

import { parseJson } from '../../test/host/checked-json.ts';
import { program } from '../../test/host/scope.ts';
import { writeSection } from '../report/report.ts';
import { noVm, runInVm } from '../vm/boot.ts';
import { guestProgram } from '../vm/guest-program.ts';
import { type Kernel, provideKernel } from '../vm/kernels.ts';
import { type Pair, pairSection } from './pair-table.ts';
import { readPair } from './read-pair.ts';
import { SERIES, tunModules } from './tun-modules.ts';

const LIMIT_MS = 3_600_000;
const SECONDS = 0.5;
const ROUNDS = { timed: 6, clocked: 3 };

async function main(words: readonly string[]): Promise<void> {
  const say = (line: string): void => console.error(line);
  const kernel = await provideKernel(SERIES, say);
  const folder = await tunModules(kernel, say);
  say(`kernel ${SERIES}: two builds of tun in ${folder}`);
  if (words.includes('--build')) return;
  if (noVm) throw new Error(`Nothing was measured: it ${noVm}.`);
  const timed = await measure(kernel, folder, ROUNDS.timed, false);
  const clocked = await measure(kernel, folder, ROUNDS.clocked, true);
  const section = pairSection({ kernel: kernel.release, timed, clocked });
  console.log(section);
  if (words.includes('--write')) writeSection('napi', section);
}

async function measure(kernel: Kernel, folder: string, rounds: number, instructionClock: boolean): Promise<Pair> {
  const { command } = await guestProgram('napi', ['lab/napi/pair-guest.ts']);
  const { status, output } = await runInVm(kernel, command([folder, String(SECONDS), String(rounds)]), {
    instructionClock,
    timeoutMs: LIMIT_MS,
    onOutput: (text) => process.stderr.write(text),
  });
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  if (status !== 0) throw new Error(`The runs on Linux ${kernel.release} ended with ${status}:\n${output}`);
  return readPair(parseJson(last));
}

await program(main);
