// SPDX-License-Identifier: Apache-2.0
// How much one client may ask for, so that the others are served too.

/** A token bucket for each address: `burst` at once, then one each `intervalMs`. */
export interface Rate {
  readonly intervalMs: number;
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  filledMs: number;
}

export interface RateLimit {
  /** Seconds to wait; 0: go on. */
  readonly take: (address: string) => number;
}

/** Buckets of addresses beyond this many are forgotten, the oldest first. */
const maxAddresses = 10_000;

export function createRateLimit({ intervalMs, burst }: Rate, nowMs: () => number): RateLimit {
  const buckets = new Map<string, Bucket>();

  function bucketOf(address: string): Bucket {
    const bucket = buckets.get(address) ?? { tokens: burst, filledMs: nowMs() };
    // Set again, it is the youngest.
    buckets.delete(address);
    buckets.set(address, bucket);
    const [oldest] = buckets.keys();
    if (buckets.size > maxAddresses && oldest !== undefined) buckets.delete(oldest);
    return bucket;
  }

  return {
    take: (address) => {
      if (intervalMs === 0) return 0;
      const bucket = bucketOf(address);
      const now = nowMs();
      bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.filledMs) / intervalMs);
      bucket.filledMs = now;
      if (bucket.tokens < 1) return ((1 - bucket.tokens) * intervalMs) / 1000;
      bucket.tokens -= 1;
      return 0;
    },
  };
}

export interface InFlight {
  /** Gives its place back when called; a sentence: there is none. `address`: undefined of a unix socket. */
  readonly enter: (address: string | undefined) => (() => void) | string;
}

/** One address gets no more than half of the places; a client of the unix socket gets all. `things`: what they are for. */
export function createInFlight(places: number, things: string): InFlight {
  const byAddress = new Map<string, number>();
  let taken = 0;

  function count(address: string, more: number): void {
    const own = (byAddress.get(address) ?? 0) + more;
    if (own > 0) byAddress.set(address, own);
    else byAddress.delete(address);
  }

  return {
    enter: (address) => {
      if (taken >= places) return `${places} ${things} are in progress, which is the limit; try again later.`;
      const own = address === undefined ? 0 : (byAddress.get(address) ?? 0);
      if (own >= places / 2)
        return `${own} ${things} of this address are in progress, which is the limit; try again later.`;
      taken += 1;
      if (address !== undefined) count(address, 1);
      return () => {
        taken -= 1;
        if (address !== undefined) count(address, -1);
      };
    },
  };
}
