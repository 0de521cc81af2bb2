// SPDX-License-Identifier: Apache-2.0
// Distributions that the programs keep, by queue.
import { layoutOf } from '../kernel/layout.ts';
import type { BpfObject } from '../kernel/native.ts';
import type { Observations } from '../snapshot/queue.ts';
import { HashEntries, type HashEntry } from './hash-entries.ts';

/** By the names of enum histogram_kind (bpf/rows/histogram.bpf.h) without their prefix. */
export type QueueHistograms = ReadonlyMap<string, Observations>;

export class Histograms {
  readonly #entries: HashEntries<QueueHistograms>;
  readonly #queueAt: number;
  readonly #kindAt: number;
  readonly #sumAt: number;
  readonly #bucketsAt: number;
  readonly #buckets: number;
  readonly #kinds: ReadonlyMap<number, string>;

  constructor(object: BpfObject) {
    const btf = object.btf();
    const key = layoutOf(btf, 'histogram_key', ['queue', 'kind']);
    const value = layoutOf(btf, 'histogram', ['sum', 'buckets']);
    this.#entries = new HashEntries(object, 'histograms');
    this.#queueAt = key.at.queue;
    this.#kindAt = key.at.kind;
    this.#sumAt = value.at.sum;
    this.#bucketsAt = value.at.buckets;
    this.#buckets = (value.size - value.at.buckets) / 8;
    const kinds = btf.enumValues('histogram_kind') ?? [];
    this.#kinds = new Map(kinds.map(({ name, value: number }) => [number, name.replace('HISTOGRAM_', '')]));
  }

  /** Histograms by number of the queue's shared row. */
  read(): ReadonlyMap<number, QueueHistograms> {
    return this.#entries.readGroups(
      (key) => key.getUint32(this.#queueAt, true),
      (entries) => this.#histograms(entries),
    );
  }

  #histograms(entries: readonly HashEntry[]): QueueHistograms {
    const histograms = new Map<string, Observations>();
    for (const { key, value } of entries) {
      const kind = this.#kinds.get(key.getUint32(this.#kindAt, true));
      if (kind !== undefined) histograms.set(kind, this.#observations(value));
    }
    return histograms;
  }

  remove(queues: ReadonlySet<number>): void {
    this.#entries.removeWhere((key) => queues.has(key.getUint32(this.#queueAt, true)));
  }

  #observations(value: DataView): Observations {
    const number = (offset: number): number => Number(value.getBigUint64(offset, true));
    return {
      buckets: Array.from({ length: this.#buckets }, (_, bits) => number(this.#bucketsAt + 8 * bits)),
      sum: number(this.#sumAt),
    };
  }
}

export function mergeHistograms(
  one: QueueHistograms | undefined,
  other: QueueHistograms | undefined,
): QueueHistograms | undefined {
  if (!one || !other) return one ?? other;
  const merged = new Map(one);
  for (const [kind, { buckets, sum }] of other) {
    const known = one.get(kind);
    merged.set(kind, {
      buckets: buckets.map((count, bits) => count + (known?.buckets[bits] ?? 0)),
      sum: sum + (known?.sum ?? 0),
    });
  }
  return merged;
}
