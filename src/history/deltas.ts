// SPDX-License-Identifier: Apache-2.0
// Numbers as bytes: only those that changed, each as the gap to the last that did and how much it grew.

/** Bytes for one number at most: two parts of at most 8 bytes each. */
const MOST_BYTES = 16;
/** Twice as much is still a whole number. */
const MOST_GROWN = 2 ** 51;
const INITIAL_BYTES = 1 << 16;

export class DeltaWriter {
  #bytes = new Uint8Array(INITIAL_BYTES);
  at = 0;

  /** Takes the bytes written since the last call, and begins anew. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.at);
    this.at = 0;
    return taken;
  }

  /** Writes how the first `count` of `now` differ from `before`. */
  write(before: Readonly<Float64Array>, now: Readonly<Float64Array>, count: number): void {
    this.#reserve(count * MOST_BYTES);
    let next = 0;
    for (let index = 0; index < count; index += 1) {
      const from = before[index] ?? 0;
      const to = now[index] ?? 0;
      // NaN stands for undefined, and is not equal to itself.
      if (from === to || (Number.isNaN(from) && Number.isNaN(to))) continue;
      const gap = index - next;
      const grown = to - from;
      if (Number.isInteger(grown) && Math.abs(grown) <= MOST_GROWN && from + grown === to) {
        this.#varint(2 * gap);
        this.#varint(grown >= 0 ? 2 * grown : -2 * grown - 1);
      } else {
        this.#varint(2 * gap + 1);
        this.#float(to);
      }
      next = index + 1;
    }
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 2 ** 31; rest = Math.floor(rest / 128)) this.#bytes[this.at++] = (rest % 128) | 128;
    for (; rest > 127; rest >>>= 7) this.#bytes[this.at++] = (rest & 127) | 128;
    this.#bytes[this.at++] = rest;
  }

  #float(value: number): void {
    float[0] = value;
    this.#bytes.set(floatBytes, this.at);
    this.at += 8;
  }

  #reserve(bytes: number): void {
    if (this.at + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.at + bytes));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/** Makes `numbers` what they were after the change that `bytes` from `start` to `end` tell. */
export function applyDeltas(numbers: Float64Array, bytes: Uint8Array, start: number, end: number): void {
  let at = start;
  let index = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < end) {
    const head = varint();
    index += Math.floor(head / 2);
    if (head % 2 === 1) {
      floatBytes.set(bytes.subarray(at, at + 8));
      numbers[index] = float[0] ?? 0;
      at += 8;
    } else {
      const zigzag = varint();
      numbers[index] = (numbers[index] ?? 0) + (zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2);
    }
    index += 1;
  }
}

const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);
