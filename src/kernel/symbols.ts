// SPDX-License-Identifier: Apache-2.0
// Text symbols of the running kernel: where a function lies, and which of the known functions an address lies in.
import { closeSync, openSync, readSync } from 'node:fs';

export interface TextRange {
  readonly start: bigint;
  readonly length: number;
}

// "ffffffff81daef80 t tun_net_xmit\t[tun]". Kernel text lies in the top 2^48 bytes: 12 digits fit a double exactly.
const DIGITS = 16;
const HIGH = 0xffff_0000_0000_0000n;
const TYPES = [0x74, 0x54]; // t, T
const DOT = 0x2e;
const NEWLINE = 0x0a;
/** Where nothing follows a function that we know of. */
const UNKNOWN_LENGTH = 4096;

interface Found {
  /** Without what the compiler appended. */
  readonly name: string;
  readonly exact: boolean;
  readonly start: number;
  readonly end: number;
}

/** Those functions of /proc/kallsyms that were asked for: the file has some hundred thousand, and we keep a few dozen. */
export class Symbols {
  readonly #found: readonly Found[];

  private constructor(found: readonly Found[]) {
    this.#found = found;
  }

  /** Reads the running kernel's symbols; undefined where it hides their addresses (CAP_SYSLOG, kptr_restrict). */
  static ofKernel(names: Iterable<string>, path = '/proc/kallsyms'): Symbols | undefined {
    const wanted = new Set(names);
    const starts: { readonly name: string; readonly exact: boolean; readonly start: number }[] = [];
    let addresses = new Float64Array(1 << 17);
    let count = 0;
    for (const { buffer, line, end } of linesOf(path)) {
      if (!TYPES.includes(buffer[line + DIGITS + 1] ?? 0)) continue;
      const start = lowDigits(buffer, line);
      if (count === addresses.length) addresses = grown(addresses);
      addresses[count++] = start;
      const { name, exact } = nameAt(buffer, line + DIGITS + 3, end);
      if (wanted.has(name)) starts.push({ name, exact, start });
    }
    if (!addresses.some((address) => address !== 0)) return undefined;
    const text = addresses.subarray(0, count);
    return new Symbols(starts.map((symbol) => ({ ...symbol, end: nextAfter(text, symbol.start) })));
  }

  /** Address of the function with exactly this name. */
  address(name: string): bigint | undefined {
    const found = this.#found.find((symbol) => symbol.name === name && symbol.exact);
    return found && BigInt(found.start) | HIGH;
  }

  /** Text of a function with its compiler-made parts (`.isra.0`, `.constprop.0`, `.cold`), each up to the next symbol. */
  ranges(name: string): readonly TextRange[] {
    return this.#found
      .filter((symbol) => symbol.name === name)
      .map(({ start, end }) => ({ start: BigInt(start) | HIGH, length: end - start }));
  }

  /** Name of the function that holds this address; undefined if it is none that was asked for. */
  functionAt(address: bigint): string | undefined {
    const low = Number(address & 0xffff_ffff_ffffn);
    return this.#found.find(({ start, end }) => start <= low && low < end)?.name;
  }
}

/** Lines of a file that is too large to be kept, as offsets in a buffer that is used again. */
function* linesOf(path: string): Generator<{ readonly buffer: Buffer; readonly line: number; readonly end: number }> {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(1 << 16);
    let filled = 0;
    for (;;) {
      const read = readSync(file, buffer, filled, buffer.length - filled, null);
      if (read === 0) return;
      filled += read;
      let line = 0;
      for (let end = buffer.indexOf(NEWLINE); end >= 0 && end < filled; end = buffer.indexOf(NEWLINE, line)) {
        yield { buffer, line, end };
        line = end + 1;
      }
      buffer.copyWithin(0, line, filled);
      filled -= line;
    }
  } finally {
    closeSync(file);
  }
}

function nameAt(buffer: Buffer, from: number, lineEnd: number): { readonly name: string; readonly exact: boolean } {
  let end = from;
  while (end < lineEnd && (buffer[end] ?? 0) > DOT) end++;
  return { name: buffer.toString('latin1', from, end), exact: buffer[end] !== DOT };
}

function lowDigits(buffer: Buffer, line: number): number {
  let value = 0;
  for (let i = line + 4; i < line + DIGITS; i++) {
    const digit = buffer[i] ?? 0;
    value = value * 16 + (digit > 0x39 ? digit - 0x57 : digit - 0x30);
  }
  return value;
}

function grown(addresses: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(addresses.length * 2);
  larger.set(addresses);
  return larger;
}

function nextAfter(addresses: Float64Array, start: number): number {
  let next = Number.POSITIVE_INFINITY;
  for (const address of addresses) if (address > start && address < next) next = address;
  return Number.isFinite(next) ? next : start + UNKNOWN_LENGTH;
}
