// SPDX-License-Identifier: Apache-2.0
// The last minutes of all queues in columns, for small charts: what each was offered and lost between two steps, and the sums of the host.
import type { Snapshot } from '../snapshot/snapshot.ts';
import { type QueueRate, queueRates } from './queue-rates.ts';
import { windowOf } from './window.ts';

/** Packets a second; as long as `takenAt`. null: it was not there, or not measured. */
type Column = readonly (number | null)[];

const HOST_COLUMNS = ['offered', 'dropped', 'lostBefore', 'written'] as const;
type HostColumn = (typeof HOST_COLUMNS)[number];

interface QueueTrend extends Pick<QueueRate, 'netns' | 'device' | 'queue'> {
  readonly offered: Column;
  readonly dropped: Column;
}

export interface Trends {
  /** Unix time, seconds. */
  readonly takenAt: readonly number[];
  /** Queues that were offered or lost something. */
  readonly queues: readonly QueueTrend[];
  readonly host: Readonly<Record<HostColumn, Column>>;
}

interface Columns extends Pick<QueueRate, 'netns' | 'device' | 'queue'> {
  readonly offered: (number | null)[];
  readonly dropped: (number | null)[];
}

/** Takes one snapshot after the other: those of a thousand queues are many. */
export class TrendBuilder {
  readonly #takenAt: number[] = [];
  readonly #queues = new Map<string, Columns>();
  readonly #host: Readonly<Record<HostColumn, (number | null)[]>> = {
    ...{ offered: [], dropped: [] },
    ...{ lostBefore: [], written: [] },
  };
  #before: Snapshot | undefined;

  add(now: Snapshot): void {
    const before = this.#before;
    this.#before = now;
    if (!before || now.takenAt <= before.takenAt) return;
    const window = windowOf([before, now]);
    const rates = queueRates(window, window);
    const place = this.#takenAt.push(now.takenAt) - 1;
    for (const rate of rates) this.#put(rate, place);
    for (const name of HOST_COLUMNS) this.#host[name].push(rounded(sum(rates.map((rate) => rate[name]))));
  }

  made(): Trends {
    const length = this.#takenAt.length;
    const filled = (column: (number | null)[]): Column => Array.from({ length }, (_, place) => column[place] ?? null);
    const queues = [...this.#queues.values()]
      .filter(({ offered, dropped }) => [...offered, ...dropped].some((value) => (value ?? 0) > 0))
      .map((one) => ({ ...one, offered: filled(one.offered), dropped: filled(one.dropped) }));
    return { takenAt: this.#takenAt, queues, host: this.#host };
  }

  #put({ netns, device, queue, offered, dropped }: QueueRate, place: number): void {
    const key = `${netns}/${device}/${queue ?? ''}`;
    const known = this.#queues.get(key) ?? { netns, device, queue, offered: [], dropped: [] };
    this.#queues.set(key, known);
    known.offered[place] = rounded(offered);
    known.dropped[place] = rounded(dropped);
  }
}

function sum(parts: readonly (number | undefined)[]): number | undefined {
  const known = parts.filter((part) => part !== undefined);
  return known.length > 0 ? known.reduce((all, part) => all + part, 0) : undefined;
}

function rounded(packets: number | undefined): number | null {
  return packets === undefined ? null : Math.round(10 * packets) / 10;
}
