// SPDX-License-Identifier: Apache-2.0
// Logs outages of a collector: one sentence when one begins, one every ten minutes, one when it ends.
import type { ExportSignal } from '../../subjects/scrape-metrics.ts';

const AGAIN_AFTER_MS = 600_000;
/** One that fails now in one way, now in another, is not heard each time. */
const OTHER_AFTER_MS = 60_000;

export class Complaints {
  readonly #url: string;
  readonly #say: (error: Error) => void;
  readonly #failing = new Set<ExportSignal>();
  #last = { reason: '', atMs: Number.NEGATIVE_INFINITY };
  /** The log knows that it fails. */
  #isTold = false;

  constructor(url: string, say: (error: Error) => void) {
    this.#url = url;
    this.#say = say;
  }

  /** `reason`: what goes after 'The collector at URL'; '': all is well. */
  answered(signal: ExportSignal, reason: string, nowMs = performance.now()): void {
    if (reason === '') this.#recovered(signal);
    else this.#failed(signal, reason, nowMs);
  }

  /** The agent ends. `reason`: why the collector did not take the last export; '': it did. */
  ended(reason: string): void {
    if (reason !== '') this.#say(new Error(`The collector at ${this.#url} did not get the last export: it ${reason}.`));
  }

  #failed(signal: ExportSignal, reason: string, nowMs: number): void {
    this.#failing.add(signal);
    const ageMs = nowMs - this.#last.atMs;
    if (ageMs < (this.#last.reason === reason ? AGAIN_AFTER_MS : OTHER_AFTER_MS)) return;
    this.#last = { reason, atMs: nowMs };
    this.#isTold = true;
    this.#say(new Error(`The collector at ${this.#url} ${reason}${reason.endsWith('?') ? '' : '.'}`));
  }

  /** Both signals, if both failed. */
  #recovered(signal: ExportSignal): void {
    if (!this.#failing.delete(signal) || this.#failing.size > 0 || !this.#isTold) return;
    this.#isTold = false;
    this.#say(new Error(`The collector at ${this.#url} takes all data again.`));
  }
}
