// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/vm/main.ts [--cpus=N] [--memory=MIB] [--clock] SERIES COMMAND…: a command on another kernel, here and now.
import { runInVm, whyNoVm } from './boot.ts';
import { buildFor } from './guest-program.ts';
import { provideKernel } from './kernels.ts';
import { lockedKernel } from './series.ts';

async function main(words: readonly string[]): Promise<number> {
  const first = words.findIndex((word) => !word.startsWith('--'));
  const flags = first < 0 ? words : words.slice(0, first);
  const flag = (name: string): string | undefined =>
    flags.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
  const [series, ...command] = first < 0 ? [] : words.slice(first);
  if (!series || command.length === 0) {
    throw new Error('Usage: npx tsx lab/vm/main.ts [--cpus=N] [--memory=MIB] [--clock] SERIES COMMAND…');
  }
  const { architecture } = lockedKernel(series);
  const reason = whyNoVm(architecture);
  if (reason) throw new Error(`No VM can run here: it ${reason}.`);
  const kernel = await provideKernel(series, (line) => console.error(line));
  buildFor(architecture);
  const { status } = await runInVm(kernel, command, {
    cpus: Number(flag('cpus') ?? 2),
    memoryMiB: Number(flag('memory') ?? 2048),
    instructionClock: flags.includes('--clock'),
    onOutput: (text) => process.stdout.write(text),
  });
  return status;
}

/** Exit status when the command did not run, as env and timeout have it. */
const NOT_RUN = 125;

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return NOT_RUN;
});
