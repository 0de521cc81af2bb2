// SPDX-License-Identifier: Apache-2.0
// Answers that compute take turns, with rests between: however many ask, everything else this process does goes on.

export type Turns = <Made>(work: () => Made | Promise<Made>) => Promise<Made>;

/** A rest is so many times as long as the work before it, and no longer than so many milliseconds. */
const REST = { times: 3, mostMs: 2000 };

export function createTurns(rest: typeof REST = REST): Turns {
  let before: Promise<unknown> = Promise.resolve();

  return (work) => {
    let tookMs = 0;
    const mine = before.then(async () => {
      const began = performance.now();
      try {
        return await work();
      } finally {
        tookMs = performance.now() - began;
      }
    });
    before = mine.then(
      () => pause(Math.min(rest.mostMs, rest.times * tookMs)),
      () => pause(Math.min(rest.mostMs, rest.times * tookMs)),
    );
    return mine;
  };
}

/** At least until sockets were read. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => (ms < 1 ? setImmediate(resolve) : setTimeout(resolve, ms)));
}
