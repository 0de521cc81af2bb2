// SPDX-License-Identifier: Apache-2.0
// Counts that a program keeps by namespace and ifindex, both of which repeat: a device's own begin where it was first seen.

interface Counted {
  readonly packets: number;
}

export class OwnCounts<Count extends Counted> {
  readonly #keyOf: (count: Count) => string;
  /** By device, as they were then. */
  readonly #first = new Map<bigint, ReadonlyMap<string, number>>();

  constructor(keyOf: (count: Count) => string) {
    this.#keyOf = keyOf;
  }

  /** `counts`: of the device's namespace and ifindex. Those that did not grow since it was first seen are left out. */
  since(id: bigint, counts: readonly Count[]): readonly Count[] {
    const first = this.#first.get(id) ?? new Map(counts.map((one) => [this.#keyOf(one), one.packets]));
    this.#first.set(id, first);
    return counts
      .map((one) => ({ ...one, packets: one.packets - (first.get(this.#keyOf(one)) ?? 0) }))
      .filter(({ packets }) => packets > 0);
  }

  keepOnly(present: ReadonlySet<bigint>): void {
    for (const id of this.#first.keys()) if (!present.has(id)) this.#first.delete(id);
  }

  /** The program begins anew. */
  clear(): void {
    this.#first.clear();
  }
}
