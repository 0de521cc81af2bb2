// SPDX-License-Identifier: Apache-2.0
// Boots a kernel on the instruction clock and clocks the packet paths there.
import { basename } from 'node:path';
import { at, numberAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { runInVm } from '../vm/boot.ts';
import { buildFor, guestProgram } from '../vm/guest-program.ts';
import { provideKernel } from '../vm/kernels.ts';
import { type Prices, pathNames, scaledPathNames } from './packet-paths.ts';

export interface Measured {
  /** Release and version of Debian's package. */
  readonly kernel: string;
  /** The prices by configuration. */
  readonly prices: ReadonlyMap<string, Prices>;
  /** Why a configuration has no prices. */
  readonly notRun: ReadonlyMap<string, string>;
}

interface Extent {
  readonly configurations: readonly string[];
  readonly rounds: number;
  /** Many devices and queues too. */
  readonly scales: boolean;
  readonly timeoutMs: number;
}

export async function measureOn(series: string, extent: Extent, say: (line: string) => void): Promise<Measured> {
  const kernel = await provideKernel(series, say);
  buildFor('amd64');
  const { command } = await guestProgram(`cost-${series}`, ['lab/cost/guest.ts']);
  const asked = command([String(extent.rounds), extent.scales ? 'scales' : 'paths', ...extent.configurations]);
  const options = {
    instructionClock: true,
    timeoutMs: extent.timeoutMs,
    onOutput: (text: string) => {
      for (const [, name] of text.matchAll(/"configuration":"([^"]*)"/g)) say(`kernel ${series}: clocked '${name}'`);
    },
  };
  const { status, output, console: kernelSaid } = await runInVm(kernel, asked, options);
  if (status !== 0) {
    const end = kernelSaid.slice(-2000);
    throw new Error(`The measurement on kernel ${series} failed with status ${status}:\n${output}${end}`);
  }
  return { kernel: basename(kernel.directory), ...resultsOf(output) };
}

export function resultsOf(output: string): Pick<Measured, 'prices' | 'notRun'> {
  const prices = new Map<string, Prices>();
  const notRun = new Map<string, string>();
  for (const line of output.split('\n').filter((one) => one.startsWith('{'))) {
    const result = parseJson(line);
    const name = textAt(result, 'configuration');
    if (at(result, 'prices') === undefined) notRun.set(name, textAt(result, 'notRun'));
    else prices.set(name, { ...prices.get(name), ...pricesOf(at(result, 'prices')) });
  }
  return { prices, notRun };
}

export function pricesOf(value: unknown): Prices {
  const measured = [...pathNames, ...scaledPathNames].filter((path) => at(value, path) !== undefined);
  return Object.fromEntries(measured.map((path) => [path, numberAt(value, path)]));
}
