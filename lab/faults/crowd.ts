// SPDX-License-Identifier: Apache-2.0
// More taps than the agent has rows of counters for, each with a packet.
import type { NamespaceLab } from '../host/netns.ts';
import type { Puppet } from '../traffic-reader/puppet.ts';

const PUPPETS = 4;

export class Crowd {
  readonly #puppets: readonly Puppet[];
  readonly #names: readonly string[];

  private constructor(puppets: readonly Puppet[], names: readonly string[]) {
    this.#puppets = puppets;
    this.#names = names;
  }

  static async make(lab: NamespaceLab, taps: number): Promise<Crowd> {
    const names = Array.from({ length: taps }, (_, index) => `crowd${index}`);
    const puppets = await Promise.all(Array.from({ length: PUPPETS }, () => lab.puppet()));
    const crowd = new Crowd(puppets, names);
    await crowd.#each(async (puppet, name) => puppet.open(name, name, 'tap'));
    await lab.ipBatch(names.map((name) => `link set dev ${name} up`));
    return crowd;
  }

  async send(): Promise<void> {
    await this.#each((puppet, name) => puppet.frames(name, 1, 0));
  }

  async leave(): Promise<void> {
    await Promise.all(this.#puppets.map((puppet) => puppet.quit()));
  }

  async #each(work: (puppet: Puppet, name: string) => Promise<unknown>): Promise<void> {
    const share = async (puppet: Puppet, which: number): Promise<void> => {
      for (const [index, name] of this.#names.entries()) if (index % PUPPETS === which) await work(puppet, name);
    };
    await Promise.all(this.#puppets.map(share));
  }
}
