// SPDX-License-Identifier: Apache-2.0
// Text symbols of the running kernel: where a function lies, and which function an address lies in.
import { readFileSync } from 'node:fs';

export interface TextRange {
  readonly start: bigint;
  readonly length: number;
}

// Kernel text lies in the top 2^48 bytes on every 64-bit machine we know: 12 hex digits fit a double exactly.
const DIGITS = 16;
const HIGH = 0xffff_0000_0000_0000n;
const SPACE = 0x20;
const TAB = 0x09;
const NEWLINE = 0x0a;

/** A parsed /proc/kallsyms: text symbols only (types t and T), sorted by address. */
export class Symbols {
  readonly #file: Buffer;
  readonly #addresses: Float64Array;
  readonly #names: Uint32Array;

  private constructor(file: Buffer, addresses: Float64Array, names: Uint32Array) {
    this.#file = file;
    this.#addresses = addresses;
    this.#names = names;
  }

  /** Reads the running kernel's symbols; undefined where it hides their addresses (CAP_SYSLOG, kptr_restrict). */
  static ofKernel(path = '/proc/kallsyms'): Symbols | undefined {
    const file = readFileSync(path);
    const addresses: number[] = [];
    const names: number[] = [];
    let visible = false;
    for (let line = 0; line < file.length; line = nextLine(file, line)) {
      const type = file[line + DIGITS + 1];
      if (type !== 0x74 && type !== 0x54) continue;
      const address = lowDigits(file, line);
      visible ||= address !== 0;
      addresses.push(address);
      names.push(line + DIGITS + 3);
    }
    if (!visible) return undefined;
    const order = Uint32Array.from(addresses.keys()).sort((a, b) => (addresses[a] ?? 0) - (addresses[b] ?? 0));
    return new Symbols(
      file,
      Float64Array.from(order, (i) => addresses[i] ?? 0),
      Uint32Array.from(order, (i) => names[i] ?? 0),
    );
  }

  /** Address of the function with exactly this name. */
  address(name: string): bigint | undefined {
    return this.ranges(name, { exact: true })[0]?.start;
  }

  /** Text of a function with its compiler-made parts (`.isra.0`, `.constprop.0`, `.cold`), each up to the next symbol. */
  ranges(name: string, { exact = false } = {}): readonly TextRange[] {
    const found: TextRange[] = [];
    for (let at = this.#file.indexOf(` ${name}`); at >= 0; at = this.#file.indexOf(` ${name}`, at + 1)) {
      const end = this.#file[at + 1 + name.length];
      if (end !== NEWLINE && end !== TAB && (exact || end !== 0x2e)) continue;
      const index = this.#names.indexOf(at + 1);
      if (index >= 0) found.push(this.#rangeAt(index));
    }
    return found;
  }

  /** Name of the function that holds this address, without compiler suffixes; undefined below the first symbol. */
  functionAt(address: bigint): string | undefined {
    const low = Number(address & ~HIGH & 0xffff_ffff_ffff_ffffn);
    let from = 0;
    let to = this.#addresses.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.#addresses[middle] ?? 0) <= low) from = middle + 1;
      else to = middle;
    }
    const name = this.#names[from - 1];
    return name === undefined ? undefined : this.#nameAt(name).replace(/\..*$/, '');
  }

  #nameAt(offset: number): string {
    let end = offset;
    while (
      end < this.#file.length &&
      this.#file[end] !== NEWLINE &&
      this.#file[end] !== TAB &&
      this.#file[end] !== SPACE
    )
      end++;
    return this.#file.toString('latin1', offset, end);
  }

  #rangeAt(index: number): TextRange {
    const start = this.#addresses[index] ?? 0;
    let next = index + 1;
    while (next < this.#addresses.length && this.#addresses[next] === start) next++;
    return { start: BigInt(start) | HIGH, length: (this.#addresses[next] ?? start + 4096) - start };
  }
}

function nextLine(file: Buffer, from: number): number {
  const end = file.indexOf(NEWLINE, from);
  return end < 0 ? file.length : end + 1;
}

function lowDigits(file: Buffer, line: number): number {
  let value = 0;
  for (let i = line + 4; i < line + DIGITS; i++) {
    const digit = file[i] ?? 0;
    value = value * 16 + (digit > 0x39 ? digit - 0x57 : digit - 0x30);
  }
  return value;
}
