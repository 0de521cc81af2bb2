// SPDX-License-Identifier: Apache-2.0
// The bit that stops a device's first transmit queue, as lab/queue-bit.bpf.c reads it: by no program of the product.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BpfObject } from '../src/kernel/native.ts';

const FILE = join(dirname(fileURLToPath(import.meta.url)), '../dist/lab/queue-bit.bpf.o');
const NAME_BYTES = 16;

export interface Looks {
  readonly looks: number;
  /** Of them found it set. */
  readonly set: number;
}

export class QueueBit {
  readonly #object = new BpfObject(FILE);
  readonly #nothing = new Uint8Array(0);

  /** From its next packet on. */
  constructor(device: string) {
    const name = new Uint8Array(NAME_BYTES);
    new TextEncoder().encodeInto(device, name);
    this.#object.setVariable('wanted', name);
    this.#object.load();
    this.#object.attach('find');
  }

  get found(): boolean {
    return this.#look() !== 2;
  }

  /**
   * Looks at random moments. Between them it is busy: one whom a timer wakes in a VM finds a queue stopped at 99 % of its looks that is
   * stopped for 95 % of the time.
   */
  watch(milliseconds: number, mostBetween: number): Looks {
    const end = performance.now() + milliseconds;
    let [looks, set] = [0, 0];
    for (let next = 0; next < end; looks++) {
      next = performance.now() + mostBetween * Math.random();
      while (performance.now() < next);
      set += this.#look();
    }
    return { looks, set };
  }

  close(): void {
    this.#object.close();
  }

  #look(): number {
    return this.#object.testRun('look', this.#nothing);
  }
}
