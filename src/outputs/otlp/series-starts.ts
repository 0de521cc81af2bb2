// SPDX-License-Identifier: Apache-2.0
// Since when each counter counts: OTLP wants it with every total. Kept for each owner, and gone with it.
import type { MetricRows } from '../prometheus/families.ts';
import type { SeriesOwner } from '../prometheus/series-owner.ts';

interface Series {
  readonly labels: readonly string[];
  last: number;
  /** Unix time, seconds. */
  start: number;
}

interface KeptOwner {
  /** A time at which the owner was not there yet, or nothing was counted. */
  readonly since: number;
  /** The owner was there when the agent began. */
  readonly isOld: boolean;
  readonly metrics: Map<string, Series[]>;
}

export class SeriesStarts {
  readonly #owners = new WeakMap<SeriesOwner, KeptOwner>();
  #isFirst = true;
  #before: number;
  #now: number;

  /** Unix time at which the agent began to count. */
  constructor(began: number) {
    this.#before = began;
    this.#now = began;
  }

  /** The series that are asked for from now on were read then. */
  read(at: number): void {
    this.#isFirst = this.#now === this.#before;
    this.#before = this.#now;
    this.#now = at;
  }

  /** The start of a series' total. When a total falls, a new one began after the previous reading. */
  startOf(
    owner: SeriesOwner,
    metric: MetricRows['metric'],
    position: number,
    labels: readonly string[],
    value: number,
  ): number {
    const kept = this.#keep(owner);
    const list = kept.metrics.get(metric.name) ?? [];
    kept.metrics.set(metric.name, list);
    const there = list[position];
    const known = there && same(there.labels, labels) ? there : list.find((one) => same(one.labels, labels));
    if (known === undefined) {
      // The kernel began to count it before the agent did: what is unknown starts with its first reading, says OTLP.
      const start = metric.since === 'device' && kept.isOld ? this.#now : kept.since;
      list.push({ labels, last: value, start });
      return start;
    }
    if (value < known.last) known.start = this.#before;
    known.last = value;
    return known.start;
  }

  #keep(owner: SeriesOwner): KeptOwner {
    const before = this.#owners.get(owner);
    if (before !== undefined) return before;
    const kept = { since: this.#before, isOld: this.#isFirst, metrics: new Map<string, Series[]>() };
    this.#owners.set(owner, kept);
    return kept;
  }
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
