// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// In every order in which two programs that put entries in, and an agent that reads, can come one after the other, nothing is missed.
import assert from 'node:assert/strict';
import test from 'node:test';
import { MapView } from '../kernel/map-view.ts';
import { Insertions } from './insertions.ts';

const READS = 4;

/** A map, its two numbers, and the steps of INSERT() of bpf/insertions.bpf.h by two programs, and of reads by one agent. */
class Play {
  readonly #numbers = new Uint32Array(2);
  readonly #insertions = new Insertions({ view: new MapView(this.#numbers.buffer), begunAt: 0, doneAt: 4 });
  #inMap = 0;
  /** Looked at by the kernel. */
  looks = 0;

  readonly steps: Readonly<Record<'begin' | 'put' | 'end' | 'take', () => void>> = {
    begin: () => this.#add(0),
    put: () => (this.#inMap += 1),
    end: () => this.#add(1),
    take: () => (this.#inMap = 0),
  };

  read(): void {
    const found = this.#insertions.entries(() => {
      this.looks += 1;
      return this.#inMap;
    });
    assert.equal(found, this.#inMap);
  }

  #add(place: number): void {
    this.#numbers[place] = (this.#numbers[place] ?? 0) + 1;
  }
}

/** Every order of these lists that keeps the order of each. */
function orders<Step>(lists: readonly (readonly Step[])[]): Step[][] {
  if (lists.every((list) => list.length === 0)) return [[]];
  return lists.flatMap(([first, ...rest], place) =>
    first === undefined ? [] : orders(lists.with(place, rest)).map((order) => [first, ...order]),
  );
}

test('what two programs put in is found by each read after it, in whichever order their steps come', () => {
  const insert = ['begin', 'put', 'end'] as const;
  const all = orders<keyof Play['steps'] | 'read'>([insert, insert, new Array(READS).fill('read'), ['take']]);
  assert.ok(all.length > 10_000, `${all.length} orders`);
  for (const order of all) {
    const play = new Play();
    for (const step of order) step === 'read' ? play.read() : play.steps[step]();
    play.read();
  }
});

test('an entry that one look sees later than its end is found by the next', () => {
  const play = new Play();
  for (const step of ['begin', 'end', 'read', 'put', 'read', 'read'] as const)
    step === 'read' ? play.read() : play.steps[step]();
});

test('an empty map is looked at twice, and again only after something was put in', () => {
  const play = new Play();
  const looksOf = (reads: number): number => {
    const before = play.looks;
    for (let count = 0; count < reads; count += 1) play.read();
    return play.looks - before;
  };
  assert.equal(looksOf(5), 2);
  for (const step of ['begin', 'put', 'end'] as const) play.steps[step]();
  assert.equal(looksOf(5), 5);
  play.steps.take();
  assert.equal(looksOf(5), 2);
});
