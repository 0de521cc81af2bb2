// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/kernels/prove-kernels.ts [KERNEL…]: what tapscope counts on each kernel of lab/vm/series.ts, into docs/kernels.md. A kernel that is not
// named stays as it was measured before. Exit code 1: a figure was wrong and not marked, or a kernel did not say.
import { resolve } from 'node:path';
import { program } from '../../test/host/scope.ts';
import { writeSection } from '../report/report.ts';
import { runInVm, whyNoVm } from '../vm/boot.ts';
import { buildFor, guestProgram } from '../vm/guest-program.ts';
import { provideKernel } from '../vm/kernels.ts';
import { KERNELS, type LabKernel } from '../vm/series.ts';
import { isHonest, kernelsSection, type Proven, provenOf, readResults, writeResults } from './proven.ts';

const RUN = 'lab/kernels/main.ts';
const PROOF_FILE = 'lab/kernels/proof.guest.ts';
const LIMIT_MS = 2_400_000;

async function proveOn({ name, series, kernelArguments, cpus, architecture }: LabKernel): Promise<Proven> {
  const reason = whyNoVm(architecture);
  if (reason) throw new Error(`Nothing was proven on Linux ${name}: it ${reason}.`);
  buildFor(architecture);
  const kernel = await provideKernel(series, (line) => console.error(line));
  const { place, command } = await guestProgram(`prove-${name}`, [RUN, PROOF_FILE], architecture);
  const { status, output } = await runInVm(kernel, command([resolve(place(PROOF_FILE))]), {
    kernelArguments,
    cpus,
    timeoutMs: LIMIT_MS,
  });
  const proven = provenOf(output);
  if (!proven) throw new Error(`Linux ${name} has not said what is counted there:\n${output.slice(-4000)}`);
  if (status !== 0) console.error(`Linux ${name}: a figure was wrong and not marked:\n${output.slice(-4000)}`);
  return proven;
}

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.find((name) => !KERNELS.some((one) => one.name === name));
  if (unknown) throw new Error(`No kernel ${unknown}: there are ${KERNELS.map(({ name }) => name).join(', ')}.`);
  for (const one of KERNELS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const proven = await proveOn(one).catch((error: unknown) => {
      console.error(error instanceof Error ? error.message : error);
      process.exitCode = 1;
    });
    if (!proven) continue;
    const results = new Map([...readResults(), [one.name, proven]]);
    writeResults(results);
    writeSection('kernels', kernelsSection(results));
    console.log(`Linux ${one.name}: ${proven.proofs.length} scenarios`);
    if (!proven.proofs.every(isHonest)) process.exitCode = 1;
  }
}

await program(main);
