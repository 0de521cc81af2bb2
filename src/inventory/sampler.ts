// SPDX-License-Identifier: Apache-2.0
// Takes a snapshot every second, so that books are kept and rows recycled even if nobody scrapes.
import type { Snapshot } from '../snapshot.ts';
import type { Agent } from './agent.ts';

const PERIOD_MS = 1000;

export class Sampler {
  #announce: (agent: Agent) => void = () => undefined;
  readonly #started = new Promise<Agent>((resolve) => {
    this.#announce = resolve;
  });
  #timer: NodeJS.Timeout | undefined;
  #ready = false;

  /** Takes the first snapshot before it resolves. */
  async start(agent: Agent): Promise<void> {
    await agent.refresh();
    await agent.take();
    await agent.refresh(); // owners of what the first snapshot found
    this.#ready = true;
    this.#announce(agent);
    this.#timer = setInterval(() => void this.#tick(agent), PERIOD_MS);
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

  async #tick(agent: Agent): Promise<void> {
    try {
      await agent.take();
      await agent.refresh();
    } catch (error) {
      process.stderr.write(
        `tapscope: a snapshot failed (${error instanceof Error ? error.message : error}); the next one is tried in a second.\n`,
      );
    }
  }
}
