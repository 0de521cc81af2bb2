// SPDX-License-Identifier: Apache-2.0
// Taps side by side in two network namespaces, each with its model: one round does one random thing to each of them.
import { readFileSync } from 'node:fs';
import { randomOf } from '../../test/host/random.ts';
import { nextStep } from './steps.ts';
import { TapModel } from './tap-model.ts';
import { type Counters, type Done, type Form, GONE, type Place, type Tap, take } from './taps.ts';

const NO_PACKETS: Counters = { txPackets: 0, txDropped: 0 };
/** Rounds of a story that a failure tells. */
const STORY = 60;

/** Other tests' devices keep no agent from resting. */
export function isOfWorld(name: string): boolean {
  return /^m\d+$/.test(name);
}

interface Taps {
  readonly taps: number;
  readonly forms: readonly Form[];
  readonly only?: number | undefined;
}

export class World {
  readonly taps: readonly Tap[];
  readonly #places: readonly Place[];

  /** `forms` in turn; `only`: plays one of the taps, as it is among the others. */
  constructor(places: readonly Place[], seed: number, { taps, forms, only }: Taps) {
    this.#places = places;
    const numbers = Array.from({ length: taps }, (_, i) => i).filter((i) => only === undefined || i === only);
    this.taps = numbers.flatMap((number) => {
      const form = forms[number % forms.length];
      return form ? [newTap(number, form, seed)] : [];
    });
  }

  placeOf(tap: Tap): Place {
    const place = this.#places[tap.place];
    if (!place) throw new Error(`There is no place ${tap.place}.`);
    return place;
  }

  /** Wherever it is: it may be moving. */
  isOf({ netns, name }: { readonly netns: number; readonly name: string }, tap: Tap): boolean {
    return name === tap.name && this.#places.some(({ lab }) => lab.inode === netns);
  }

  async round(): Promise<void> {
    const done = await Promise.all(this.taps.map((tap) => nextStep(this, tap)));
    this.#settle(done);
  }

  /** Every ring is emptied. */
  async drain(): Promise<void> {
    const done = await Promise.all(
      this.taps.map(async (tap): Promise<Done> => {
        let read = 0;
        for (const id of tap.model.attached) read += await take(tap, id, 'all');
        return { told: 'drained', read };
      }),
    );
    this.#settle(done);
  }

  /** What was sent and not refused is in the ring; what a reader got is what the kernel calls transmitted. */
  #settle(done: readonly Done[]): void {
    const counters = this.#places.map(({ testReader }) => countersOf(testReader.pid));
    for (const [i, tap] of this.taps.entries()) {
      const { told, sent, read = 0 } = done[i] ?? { told: '' };
      const before = tap.counters;
      const now = counters[tap.place]?.get(tap.name) ?? NO_PACKETS;
      tap.counters = now;
      tap.model.age++;
      tap.story.push(told);
      if (tap.story.length > STORY) tap.story.shift();
      if (told === GONE) {
        tap.counters = NO_PACKETS;
        tap.model = new TapModel();
        continue;
      }
      const refused = now.txDropped - before.txDropped;
      if (now.txPackets - before.txPackets !== read)
        throw new Error(`${tap.name}: ${read} read, ${now.txPackets - before.txPackets} counted by the kernel.`);
      if (sent) tap.model.sent(sent.queue, sent.tried, refused);
      else if (refused > 0) throw new Error(`${tap.name}: ${refused} refused, and none was sent.`);
    }
  }
}

function newTap(number: number, form: Form, seed: number): Tap {
  const random = randomOf(Math.imul(seed + 1, 0x9e3779b1) + number * 7919);
  return {
    name: `m${number}`,
    form,
    random,
    place: 0,
    up: false,
    length: 0,
    model: new TapModel(),
    holders: new Map(),
    counters: NO_PACKETS,
    story: [],
    wrong: false,
  };
}

/** rtnl_link_stats64 of each device there, as /proc/net/dev writes them. */
function countersOf(pid: number): ReadonlyMap<string, Counters> {
  const lines = readFileSync(`/proc/${pid}/net/dev`, 'utf8').split('\n').slice(2);
  return new Map(
    lines.flatMap((line) => {
      const [name = '', figures = ''] = line.split(':');
      // receive: bytes packets errs drop fifo frame compressed multicast, transmit: bytes packets errs drop …
      const columns = figures.trim().split(/\s+/).map(Number);
      return figures ? [[name.trim(), { txPackets: columns[9] ?? 0, txDropped: columns[11] ?? 0 }] as const] : [];
    }),
  );
}
