// SPDX-License-Identifier: Apache-2.0
// npx tsx lab/cost.ts [--write] [SERIES…]: the price of the product's probes in instructions per packet, in VMs on QEMU's
// instruction clock, so that a busy machine measures the same as an idle one. --write: into BENCHMARKS.md.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PATHS, Prices } from './cost/configurations.ts';
import { brokenLimits, type Measured, priceTable } from './cost/table.ts';
import { numberAt, parseJson, textAt } from './json.ts';
import { provideKernel } from './kernels.ts';
import { noVm, runInVm } from './vm.ts';

const here = dirname(fileURLToPath(import.meta.url));

const HEADER = `# What watching costs

Instructions per packet: with nothing attached, and added by what is attached (\`·\`: less than the noise of 8). Measured by
\`npx tsx lab/cost.ts --write\` in VMs with one CPU on QEMU's instruction clock, median of 5 rounds of 4000 packets of 60
bytes; instructions, not cycles: cache misses and contended atomics do not show.

* enqueue, drop: one send() by packet socket into a tap without qdisc whose ring has room, or is full
* read: one read() of a packet
* foreign packet, foreign drop: a send() into a device that is none of ours, and one that a qdisc drops
* pktgen: its kernel thread alone, through pfifo_fast into the tap
`;

/** Limits hold for the newest. */
const SERIES = ['7.3', '6.1'];
const LIMITED = '7.3';

async function measureOn(series: string): Promise<Measured> {
  const kernel = await provideKernel(series, (line) => console.error(line));
  const command = [process.execPath, '--import', 'tsx', 'lab/cost/guest.ts'];
  const { status, output, console: kernelSaid } = await runInVm(kernel, command, { instructionClock: true });
  if (status !== 0) {
    throw new Error(
      `The measurement on kernel ${series} failed with status ${status}:\n${output}${kernelSaid.slice(-2000)}`,
    );
  }
  const results = output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map(parseJson);
  return new Map(results.map((result) => [textAt(result, 'configuration'), pricesOf(result)]));
}

function pricesOf(result: unknown): Prices {
  const price = (path: (typeof PATHS)[number]): number => numberAt(result, 'prices', path);
  return {
    enqueue: price('enqueue'),
    drop: price('drop'),
    read: price('read'),
    'foreign packet': price('foreign packet'),
    'foreign drop': price('foreign drop'),
    'pktgen enqueue': price('pktgen enqueue'),
    'pktgen drop': price('pktgen drop'),
  };
}

async function main(words: readonly string[]): Promise<void> {
  if (noVm) {
    throw new Error(`The price was not measured: it ${noVm}.`);
  }
  execFileSync('make', ['--silent', '--no-print-directory', '-C', here]);
  const chosen = words.filter((word) => !word.startsWith('--'));
  const tables: string[] = [];
  for (const series of chosen.length > 0 ? chosen : SERIES) {
    const measured = await measureOn(series);
    const table = `## Linux ${series}\n\n${priceTable(measured)}\n`;
    tables.push(table);
    console.log(table);
    for (const sentence of series === LIMITED ? brokenLimits(measured) : []) {
      console.error(sentence);
      process.exitCode = 1;
    }
  }
  if (words.includes('--write')) {
    writeFileSync(join(here, '../BENCHMARKS.md'), `${HEADER}\n${tables.join('\n')}`);
  }
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
