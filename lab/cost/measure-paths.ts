// SPDX-License-Identifier: Apache-2.0
// Boots a kernel on the instruction clock and clocks the packet paths there.
import { basename } from 'node:path';
import { at, numberAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { runGuest } from '../vm/guest-program.ts';
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
  const args = [String(extent.rounds), extent.scales ? 'scales' : 'paths', ...extent.configurations];
  const { kernel, output } = await runGuest(series, 'lab/cost/guest.ts', args, {
    say,
    instructionClock: true,
    timeoutMs: extent.timeoutMs,
    onLine: (line) => {
      const [, name] = /"configuration":"([^"]*)"/.exec(line) ?? [];
      if (name) say(`kernel ${series}: clocked '${name}'`);
    },
  });
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
