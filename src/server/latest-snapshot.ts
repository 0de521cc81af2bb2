// SPDX-License-Identifier: Apache-2.0
// A fresh snapshot if the process that counts gets to it in time, else the newest there is: on a host without free CPU an answer that says
// how old it is helps, and one that comes after the client has gone does not.
import { setTimeout as wait } from 'node:timers/promises';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { later } from './refusals.ts';

/** What is older is no answer any more. */
export const OLDEST_SECONDS = 60;
/** How long an answer waits for a fresh snapshot, and for a sign of life; `late`: where the last one did not come in time either. */
const WITHIN_MS = { fresh: 1000, pulse: 300, late: 50 };

export interface CountingProcess {
  /** Asks for a snapshot. */
  readonly take: () => Promise<Snapshot>;
  /** Asks for a sign of life. */
  readonly pulse: () => Promise<void>;
}

export class LatestSnapshot {
  readonly #counting: CountingProcess;
  #latest: Snapshot | undefined;
  #isLate = false;

  constructor(counting: CountingProcess) {
    this.#counting = counting;
  }

  /** It was received just now. */
  see(snapshot: Snapshot): void {
    this.#latest = snapshot;
    this.#isLate = false;
  }

  /** Rejects where the newest is older than a minute. Before there is one it waits for the first. */
  async take(): Promise<Snapshot> {
    const fresh = this.#counting.take();
    if (!this.#latest) return fresh;
    const failure = (error: unknown): string => (error instanceof Error ? error.message : String(error));
    let why = 'the agent gets no CPU, or is stopped';
    const taken = await this.#inTime(
      WITHIN_MS.fresh,
      fresh.catch((error: unknown) => {
        why = failure(error);
        return undefined;
      }),
    );
    if (taken) return taken;
    const age = Date.now() / 1000 - this.#latest.takenAt;
    if (age <= OLDEST_SECONDS) return this.#latest;
    throw later(`The newest snapshot is ${Math.round(age)} s old: ${why}.`);
  }

  /** Resolves when the process that counts shows a sign of life, or does not in time. */
  async pulse(): Promise<void> {
    await this.#inTime(
      WITHIN_MS.pulse,
      this.#counting.pulse().then(() => true),
    );
  }

  async #inTime<Value>(ms: number, work: Promise<Value>): Promise<Value | undefined> {
    const timer = new AbortController();
    const tooLate = wait(this.#isLate ? WITHIN_MS.late : ms, undefined, { signal: timer.signal }).then(
      () => {
        this.#isLate = true;
        return undefined;
      },
      () => undefined,
    );
    const made = await Promise.race([work, tooLate]);
    timer.abort();
    if (made !== undefined) this.#isLate = false;
    return made;
  }
}
