// SPDX-License-Identifier: Apache-2.0
// Mapped BPF memory as numbers.
import { nameOf } from '../foreign-name.ts';

/**
 * A read-only window on the memory of a BPF map, which the kernel goes on writing. A store into that memory would kill
 * the process, so the buffer never leaves this object.
 *
 * Offsets are bytes. A read that is not at a multiple of its size or not wholly inside throws RangeError: one aligned
 * load is what the kernel's stores are atomic against.
 */
export class MapView {
  readonly #u64: BigUint64Array;
  readonly #u32: Uint32Array;
  readonly #s32: Int32Array;
  readonly #u16: Uint16Array;
  readonly #u8: Uint8Array;
  /** The same bytes: Buffer compares at the speed of memcmp(). */
  readonly #bytes: Buffer;

  /** `buffer`: BpfObject's mapBuffer(), or in tests any of a length that is a multiple of 8. */
  constructor(buffer: ArrayBuffer) {
    this.#u64 = new BigUint64Array(buffer);
    this.#u32 = new Uint32Array(buffer);
    this.#s32 = new Int32Array(buffer);
    this.#u16 = new Uint16Array(buffer);
    this.#u8 = new Uint8Array(buffer);
    this.#bytes = Buffer.from(buffer);
  }

  get byteLength(): number {
    return this.#u8.length;
  }

  /** Exact up to 2^53, which a packet counter does not reach; an address does: bigint(). */
  u64(byteOffset: number): number {
    return Number(this.bigint(byteOffset));
  }

  bigint(byteOffset: number): bigint {
    return this.#u64[byteOffset / 8] ?? outside(byteOffset, 8, this.byteLength);
  }

  u32(byteOffset: number): number {
    return this.#u32[byteOffset / 4] ?? outside(byteOffset, 4, this.byteLength);
  }

  s32(byteOffset: number): number {
    return this.#s32[byteOffset / 4] ?? outside(byteOffset, 4, this.byteLength);
  }

  u16(byteOffset: number): number {
    return this.#u16[byteOffset / 2] ?? outside(byteOffset, 2, this.byteLength);
  }

  u8(byteOffset: number): number {
    return this.#u8[byteOffset] ?? outside(byteOffset, 1, this.byteLength);
  }

  /** A C string of at most `length` bytes. */
  text(byteOffset: number, length: number): string {
    return cString(this.#slice(byteOffset, length));
  }

  /** Whether `length` bytes from `byteOffset` on are those of `copy` from `at` on. */
  isSame(copy: Uint8Array, at: number, byteOffset: number, length: number): boolean {
    this.#check(byteOffset, length);
    if (at + length > copy.length) return false;
    return this.#bytes.compare(copy, at, at + length, byteOffset, byteOffset + length) === 0;
  }

  /** Whether the u32 at `base` and each of these offsets is that of `words`. A plain loop, as it runs for each queue in each snapshot. */
  hasWords(words: Uint32Array, base: number, offsets: readonly number[]): boolean {
    const first = base / 4;
    for (let place = 0; place < offsets.length; place += 1)
      if (this.#u32[first + (offsets[place] ?? 0) / 4] !== words[place]) return false;
    return true;
  }

  /** Copies `length` bytes from `byteOffset` on to the start of `target`. */
  copy(target: Uint8Array, byteOffset: number, length: number): void {
    this.#check(byteOffset, length);
    target.set(this.#u8.subarray(byteOffset, byteOffset + length));
  }

  /** A copy: the decoder must not see bytes change between two samples. */
  #slice(byteOffset: number, length: number): Uint8Array {
    this.#check(byteOffset, length);
    return this.#u8.slice(byteOffset, byteOffset + length);
  }

  #check(byteOffset: number, length: number): void {
    const inside = byteOffset >= 0 && length >= 0 && byteOffset + length <= this.byteLength;
    if (!inside || !Number.isInteger(byteOffset) || !Number.isInteger(length)) {
      outside(byteOffset, length, this.byteLength);
    }
  }
}

function outside(byteOffset: number, size: number, byteLength: number): never {
  throw new RangeError(
    `Cannot read ${size} bytes at ${byteOffset} of ${byteLength}: outside, or not at a multiple of ${size}`,
  );
}

/** A C string: it ends at the first NUL. */
export function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return nameOf(end < 0 ? bytes : bytes.subarray(0, end));
}
