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
  readonly take: (address: string | undefined) => number;
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
      const bucket = bucketOf(clientOf(address) ?? '');
      const now = nowMs();
      bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.filledMs) / intervalMs);
      bucket.filledMs = now;
      if (bucket.tokens < 1) return ((1 - bucket.tokens) * intervalMs) / 1000;
      bucket.tokens -= 1;
      return 0;
    },
  };
}

/** The owner of an address: a host has a whole /64 of IPv6 addresses. undefined: of a unix socket. */
export function clientOf(address: string | undefined): string | undefined {
  if (!address?.includes(':')) return address;
  const [mapped] = /(?<=^::ffff:)[\d.]+$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.toLowerCase().replace(/%.*/, '').split('::');
  const [front, back] = [head, tail ?? ''].map((part) => part.split(':').filter((group) => group !== ''));
  const hidden = tail === undefined ? 0 : 8 - (front?.length ?? 0) - (back?.length ?? 0);
  const groups = [...(front ?? []), ...Array.from({ length: Math.max(0, hidden) }, () => '0'), ...(back ?? [])];
  // ::1 is alone in its network.
  return address === '::1' ? address : `${groups.slice(0, 4).join(':')}::/64`;
}

interface InFlight {
  /**
   * Gives its place back when called; a sentence: there is none. `address`: undefined of a unix socket. `cut` ends it, when its place
   * goes to a client that has none, from one that has several.
   */
  readonly enter: (address: string | undefined, cut: () => void) => (() => void) | string;
}

/** One client gets no more than half of the places; a client of the unix socket gets all. `things`: what they are for. */
export function createInFlight(places: number, things: string): InFlight {
  /** The oldest first, of each client. */
  const taken = new Map<string | undefined, Set<() => void>>();
  let count = 0;

  function leave(client: string | undefined, cut: () => void): void {
    const own = taken.get(client);
    if (!own?.delete(cut)) return;
    count -= 1;
    if (own.size === 0) taken.delete(client);
  }

  /** Takes a place from the client that has most. */
  function takeOne(): boolean {
    const [[client, own] = []] = [...taken].sort(([, a], [, b]) => b.size - a.size);
    const [cut] = own ?? [];
    if (!own || own.size < 2 || !cut) return false;
    leave(client, cut);
    cut();
    return true;
  }

  return {
    enter: (address, end) => {
      const client = clientOf(address);
      const own = taken.get(client)?.size ?? 0;
      const isFull = count >= places && !(own === 0 && takeOne());
      if (isFull) return `${places} ${things} are in progress, which is the limit; try again later.`;
      if (client !== undefined && own >= places / 2)
        return `${own} ${things} of this address are in progress, which is the limit; try again later.`;
      // A function of its own for each request: the set tells them apart.
      const cut = (): void => end();
      count += 1;
      taken.set(client, (taken.get(client) ?? new Set()).add(cut));
      return () => leave(client, cut);
    },
  };
}
