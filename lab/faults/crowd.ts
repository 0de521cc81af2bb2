// SPDX-License-Identifier: Apache-2.0
// More taps than the agent has rows of counters for, each with a packet.
import type { NamespaceLab } from '../../test/host/netns.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';

const TEST_READERS = 4;

export class Crowd {
  readonly #testReaders: readonly TestReader[];
  readonly #names: readonly string[];

  private constructor(testReaders: readonly TestReader[], names: readonly string[]) {
    this.#testReaders = testReaders;
    this.#names = names;
  }

  static async make(lab: NamespaceLab, taps: number): Promise<Crowd> {
    const names = Array.from({ length: taps }, (_, index) => `crowd${index}`);
    const testReaders = await Promise.all(Array.from({ length: TEST_READERS }, () => lab.testReader()));
    const crowd = new Crowd(testReaders, names);
    await crowd.#each(async (testReader, name) => testReader.open(name, name, 'tap'));
    await lab.ipBatch(names.map((name) => `link set dev ${name} up`));
    return crowd;
  }

  async send(): Promise<void> {
    await this.#each((testReader, name) => testReader.frames(name, 1, 0));
  }

  async leave(): Promise<void> {
    await Promise.all(this.#testReaders.map((testReader) => testReader.quit()));
  }

  async #each(work: (testReader: TestReader, name: string) => Promise<unknown>): Promise<void> {
    const share = async (testReader: TestReader, which: number): Promise<void> => {
      for (const [index, name] of this.#names.entries())
        if (index % TEST_READERS === which) await work(testReader, name);
    };
    await Promise.all(this.#testReaders.map(share));
  }
}
