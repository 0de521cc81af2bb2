// SPDX-License-Identifier: Apache-2.0
// Names of the kernel functions that addresses lie in: each address is looked up once, many at a time.
import { textSymbolsAt } from './native.ts';
import { kernelSymbols } from './symbols.ts';

export class FunctionNames {
  readonly #file: string | number;
  readonly #known = new Map<bigint, string>();

  constructor(file = kernelSymbols()) {
    this.#file = file;
  }

  /** One reading of /proc/kallsyms for all that are new. */
  learn(addresses: Iterable<bigint>): void {
    const fresh = [...new Set(addresses)].filter((address) => address !== 0n && !this.#known.has(address));
    if (fresh.length === 0) return;
    const names = textSymbolsAt(this.#file, BigUint64Array.from(fresh));
    for (const [i, address] of fresh.entries()) this.#known.set(address, names[i] ?? `0x${address.toString(16)}`);
  }

  /** The function's name; its address where the name was not learned, or no function is there. */
  at(address: bigint): string {
    return this.#known.get(address) ?? `0x${address.toString(16)}`;
  }
}
