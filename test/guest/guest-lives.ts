// SPDX-License-Identifier: Apache-2.0
// How a guest behind vhost-net takes what its tap gets: at full speed, at a rate, in lumps, not at all, for a while.
import { setTimeout as wait } from 'node:timers/promises';
import { namesOf } from '../host/checked-json.ts';
import type { TestReader } from '../test-reader/test-reader.ts';

export interface GuestLife {
  readonly begin?: (testReader: TestReader, id: string) => Promise<void>;
  /** Called when half of the packets have come. */
  readonly during?: (testReader: TestReader, id: string) => Promise<void>;
  /** Whether the guest takes what is left in the end; else the packets stay where they are. */
  readonly drains: boolean;
}

const PER_SECOND = 4000;

export const GUEST_LIVES = {
  fast: { begin: (testReader, id) => testReader.receive(id, 0), drains: true },
  slow: { begin: (testReader, id) => testReader.receive(id, PER_SECOND), drains: true },
  lumpy: { begin: (testReader, id) => testReader.receive(id, PER_SECOND, { lump: 100 }), drains: true },
  stalled: { begin: (testReader, id) => testReader.offer(id, 100), drains: false },
  'stalled for a while': { begin: (testReader, id) => testReader.receive(id, 0), during: stallForAWhile, drains: true },
} as const satisfies Readonly<Record<string, GuestLife>>;

type GuestLifeName = keyof typeof GUEST_LIVES;

export const GUEST_LIFE_NAMES: readonly GuestLifeName[] = namesOf(GUEST_LIVES);

async function stallForAWhile(testReader: TestReader, id: string): Promise<void> {
  await testReader.stall(id);
  await wait(200);
  await testReader.receive(id, 0);
}
