// SPDX-License-Identifier: Apache-2.0
// A throttle of expensive requests: one at a time, and pauses between them, so that this process does everything else however many ask.

export type RequestThrottle = <Made>(work: () => Made | Promise<Made>) => Promise<Made>;

/** The share of the time that all work may take; after a rest, so many milliseconds of it without another. */
const ALLOWED = { share: 1 / 4, burstMs: 250 };
/** A piece of work that took very long, or waited, is not paid for with minutes. */
const LONGEST_REST_MS = 2000;

export function createRequestThrottle({ share, burstMs }: typeof ALLOWED = ALLOWED): RequestThrottle {
  let before: Promise<unknown> = Promise.resolve();
  let credit = { ms: burstMs, at: performance.now() };

  /** Milliseconds to rest after work that began at `began`. */
  function pay(began: number): number {
    const now = performance.now();
    const saved = Math.min(burstMs, credit.ms + share * (now - credit.at));
    credit = { ms: Math.max(saved - (now - began), -share * LONGEST_REST_MS), at: now };
    return Math.max(0, -credit.ms / share);
  }

  return (work) => {
    let began = 0;
    const mine = before.then(() => {
      began = performance.now();
      return work();
    });
    const rest = (): Promise<void> => pause(pay(began));
    before = mine.then(rest, rest);
    return mine;
  };
}

/** Waits at least until sockets were read. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => (ms < 1 ? setImmediate(resolve) : setTimeout(resolve, ms)));
}
