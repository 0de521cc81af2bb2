// SPDX-License-Identifier: Apache-2.0
// Where packets were freed, as labels: the reason and the function, and only so many of them.
import { FunctionNames } from '../kernel/function-names.ts';
import type { Symbols } from '../kernel/symbols.ts';

/** As many pairs of one owner are told apart; what comes after them is one series. */
const MOST_PLACES = 48;
const OTHER = 'other';

/** Names the function that freed a packet, and bounds how many of them each owner (a device, a namespace) shows. */
export class Places<Owner> {
  readonly #symbols: () => Pick<Symbols, 'functionAt'> | undefined;
  readonly #names = new FunctionNames();
  readonly #shown = new Map<Owner, Set<string>>();

  constructor(symbols: () => Pick<Symbols, 'functionAt'> | undefined) {
    this.#symbols = symbols;
  }

  /** One reading of the kernel's symbols for all addresses that are new and in no function that is known by its class. */
  learn(addresses: readonly bigint[]): void {
    this.#names.learn(addresses.filter((address) => this.#classified(address) === undefined));
  }

  of(owner: Owner, reason: string, address: bigint): { readonly reason: string; readonly location: string } {
    const name = this.#classified(address) ?? this.#names.at(address);
    // An address of the kernel is nobody's business.
    const location = name.startsWith('0x') ? OTHER : name;
    const shown = this.#shown.get(owner) ?? new Set();
    const place = `${reason} ${location}`;
    if (!shown.has(place) && shown.size >= MOST_PLACES) return { reason: OTHER, location: OTHER };
    this.#shown.set(owner, shown.add(place));
    return { reason, location };
  }

  forget(owner: Owner): void {
    this.#shown.delete(owner);
  }

  #classified(address: bigint): string | undefined {
    return this.#symbols()?.functionAt(address);
  }
}
