// SPDX-License-Identifier: Apache-2.0
// The bit that stops a device's first transmit queue, as test/host/queue-bit.bpf.c reads it: by no program of the product.
import { join } from 'node:path';
import { BpfObject } from '../../src/kernel/native.ts';

const FILE = join(import.meta.dirname, '../../dist/test/queue-bit.bpf.o');
const NAME_BYTES = 16;

/** What the samples add up to; times in milliseconds. */
export interface Looks {
  /** The time from the first sample to the last. */
  readonly time: number;
  /** The time in which the bit was set. Each of two samples stands for half of the time between them. */
  readonly set: number;
  /** Squares of the times between them: the longer some are, the less the samples tell. */
  readonly squares: number;
}

export class QueueBit {
  readonly #object = new BpfObject(FILE);
  readonly #nothing = new Uint8Array(0);

  /** Samples the device's queue from its next packet on. */
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
   * Looks at random moments. Between them it is busy. In a VM, a thread that sleeps finds a queue stopped in 99 % of its
   * samples: it is stopped for 95 % of the time.
   */
  watch(milliseconds: number, mostBetween: number): Looks {
    const began = performance.now();
    let [at, found, set, squares] = [began, this.#look(), 0, 0];
    while (at < began + milliseconds) {
      const next = at + mostBetween * Math.random();
      while (performance.now() < next);
      const [before, foundBefore] = [at, found];
      [at, found] = [performance.now(), this.#look()];
      set += ((at - before) * (found + foundBefore)) / 2;
      squares += (at - before) ** 2;
    }
    return { time: at - began, set, squares };
  }

  close(): void {
    this.#object.close();
  }

  #look(): number {
    return this.#object.testRun('look', this.#nothing);
  }
}
