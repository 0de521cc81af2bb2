// SPDX-License-Identifier: Apache-2.0
// Text symbols of the running kernel: where a function lies, and which of the known functions an address lies in.
import { readlinkSync } from 'node:fs';
import { type TextSymbol, textSymbols } from './native.ts';

export interface TextRange {
  readonly start: bigint;
  readonly length: number;
}

/** A net_device with one of these is a tun or a tap. Kernels without CONFIG_KALLSYMS_ALL do not list them. */
const DEVICE_OPERATIONS: readonly [string, string] = ['tun_netdev_ops', 'tap_netdev_ops'];

/** Each CPU's offset, with CONFIG_KALLSYMS_ALL. */
const CPU_OFFSETS = '__per_cpu_offset';

const FILE = '/proc/kallsyms';
const STANDARD_INPUT = 0;

/** The length of a function when no known function follows it. */
const UNKNOWN_LENGTH = 4096n;

/** The functions of /proc/kallsyms that were asked for: the file has some hundred thousand, and we keep a few dozen. */
export class Symbols {
  readonly #found: readonly TextSymbol[];

  private constructor(found: readonly TextSymbol[]) {
    this.#found = found;
  }

  /** Reads the running kernel's symbols; undefined where it hides their addresses (CAP_SYSLOG, kptr_restrict). */
  static ofKernel(names: Iterable<string>, file = kernelSymbols()): Symbols | undefined {
    const found = textSymbols(file, [...new Set(names)], [...DEVICE_OPERATIONS, CPU_OFFSETS]);
    return found.some(({ start }) => start !== 0n) ? new Symbols(found) : undefined;
  }

  /** Addresses of both; undefined where one is not known, or two go by its name. */
  deviceOperations(): readonly [bigint, bigint] | undefined {
    const [tun, tap] = DEVICE_OPERATIONS.map((name) => this.#found.filter((symbol) => symbol.name === name));
    if (tun?.length !== 1 || tap?.length !== 1 || !tun[0] || !tap[0]) return undefined;
    return [tun[0].start, tap[0].start];
  }

  /** Address of the function with exactly this name. */
  address(name: string): bigint | undefined {
    return this.#found.find((symbol) => symbol.name === name && symbol.whole)?.start;
  }

  /**
   * Text of a function, then its compiler-made parts (`.isra.0`, `.constprop.0`, `.cold`), each up to the next symbol. In
   * vmlinux all `.cold` parts lie before the functions.
   */
  ranges(name: string): readonly TextRange[] {
    return this.#found
      .filter((symbol) => symbol.name === name)
      .sort((a, b) => Number(b.whole) - Number(a.whole))
      .map((symbol) => ({ start: symbol.start, length: Number(endOf(symbol) - symbol.start) }));
  }

  /** Name of the function that holds this address; undefined if it is none that was asked for. */
  functionAt(address: bigint): string | undefined {
    return this.#found.find((symbol) => symbol.start <= address && address < endOf(symbol))?.name;
  }
}

function endOf({ start, end }: TextSymbol): bigint {
  return end ?? start + UNKNOWN_LENGTH;
}

/**
 * The open file that the agent was given, or its path. The kernel shows addresses to who opened the file, not to who reads it:
 * deploy/tapscope.service has systemd open it, and the agent needs no CAP_SYSLOG.
 */
export function kernelSymbols(link = `/proc/self/fd/${STANDARD_INPUT}`): string | number {
  try {
    return readlinkSync(link) === FILE ? STANDARD_INPUT : FILE;
  } catch {
    return FILE; // nothing is open there, or it may not be looked at
  }
}
