// SPDX-License-Identifier: Apache-2.0
// Takes a snapshot every second, so that books are kept and rows recycled even if nobody scrapes.
import type { Snapshot } from '../snapshot.ts';
import type { Collector } from './collector.ts';

const PERIOD_MS = 1000;

export class Sampler {
  #announce: (collector: Collector) => void = () => undefined;
  readonly #started = new Promise<Collector>((resolve) => {
    this.#announce = resolve;
  });
  #timer: NodeJS.Timeout | undefined;
  #ready = false;

  /** Takes the first snapshot before it resolves. */
  async start(collector: Collector): Promise<void> {
    await collector.refresh();
    await collector.take();
    await collector.refresh(); // owners of what the first snapshot found
    this.#ready = true;
    this.#announce(collector);
    this.#timer = setInterval(() => void this.#tick(collector), PERIOD_MS);
  }

  /** A fresh one; waits for the start. */
  async take(): Promise<Snapshot> {
    return (await this.#started).take();
  }

  notReady(): string | undefined {
    return this.#ready ? undefined : 'probes are being attached';
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #tick(collector: Collector): Promise<void> {
    try {
      await collector.take();
      await collector.refresh();
    } catch (error) {
      process.stderr.write(
        `tapscope: a snapshot failed (${error instanceof Error ? error.message : error}); the next one is tried in a second.\n`,
      );
    }
  }
}
