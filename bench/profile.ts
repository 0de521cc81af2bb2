// SPDX-License-Identifier: Apache-2.0
// Where threads of the kernel and of programs spend their CPU time: what `perf record` and `perf report` show, by sampling.
import { readFileSync } from 'node:fs';
import { errnoOf } from '../src/kernel/error-name.ts';
import { native } from '../src/kernel/native.ts';
import { kernelSymbols } from '../src/kernel/symbols.ts';
import type { Profile } from './bench-report.ts';
import { NOT_HERE } from './perf-events.ts';

/** Each thread, in the order of preference: [name, type and config of linux/perf_event.h]. */
const CLOCKS = [
  ['cycles', 0, 0],
  ['cpu-clock', 1, 0],
] as const;
/** No divisor of the kernel's ticks, which would always be met at the same place. */
const HERTZ = 997;
/** Below it lie programs. */
const KERNEL = 1n << 63n;

export interface Sampling {
  /** What they did until now, and nothing from then on. undefined: they slept, or the kernel hides its symbols. */
  end(): Profile | undefined;
}

/** Samples these threads from now on. Throws if one of them is gone. */
export function sampleThreads(tids: readonly number[]): Sampling {
  for (const [clock, type, config] of CLOCKS) {
    const samplers: InstanceType<ReturnType<typeof native>['PerfSampler']>[] = [];
    const close = (): void => {
      for (const sampler of samplers) sampler.close();
    };
    try {
      for (const tid of tids) samplers.push(new (native().PerfSampler)(type, config, tid, HERTZ));
      return {
        end: () => {
          const addresses = samplers.flatMap((one) => [...one.addresses()]);
          close();
          return profileOf(clock, addresses);
        },
      };
    } catch (error) {
      close();
      if (!NOT_HERE.includes(errnoOf(error) ?? '')) throw error;
    }
  }
  return { end: () => undefined };
}

function profileOf(clock: Profile['clock'], addresses: readonly bigint[]): Profile | undefined {
  if (addresses.length === 0) return undefined;
  const symbols = samplesBySymbol(addresses, readFileSync(kernelSymbols(), 'latin1'));
  return symbols && { clock, samples: addresses.length, symbols };
}

/** Samples by the function in which they lie, as /proc/kallsyms has them, the most first; what programs did is one of them. */
export function samplesBySymbol(
  addresses: readonly bigint[],
  kallsyms: string,
): Readonly<Record<string, number>> | undefined {
  const functions = [...kallsyms.matchAll(/^([0-9a-f]{16}) [tT] ([^\s.]+)/gm)]
    .map(([, start = '', name = '']) => ({ start, name }))
    .sort((a, b) => (a.start < b.start ? -1 : Number(a.start > b.start)));
  if (functions.every(({ start }) => /^0+$/.test(start))) return undefined;
  const counts = new Map<string, number>();
  for (const address of addresses) {
    const name = address < KERNEL ? 'user space' : functionAt(address.toString(16), functions);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

/** All addresses of the kernel have as many digits as the file's. */
function functionAt(address: string, functions: readonly { readonly start: string; readonly name: string }[]): string {
  let [from, to] = [0, functions.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((functions[middle]?.start ?? '') <= address) from = middle + 1;
    else to = middle;
  }
  return functions[from - 1]?.name ?? 'unknown';
}
