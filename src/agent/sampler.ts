// SPDX-License-Identifier: Apache-2.0
// Takes a snapshot every second, so that accounts are kept and rows recycled even if no Prometheus scrapes, and looks at readers in
// between. Where the agent takes more than its budget, it takes one every other second.
import { warn } from '../log/log.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Agent } from './agent.ts';

/** The parts of the agent that sampling uses. */
type Sampled = Pick<Agent, 'take' | 'ask' | 'refresh' | 'isPressed' | 'sampleReaders' | 'interval'>;

const PERIOD_MS = 1000;
/** However many ask, what is read for questions is read no more often for them. */
const QUESTION_EVERY_MS = 500;
/** What fails each second in the same way is said so often. */
const SAY_AGAIN_MS = 60_000;
/** Readers of full and stopped queues, in random steps: in even ones a reader that works in turns would always be seen at the same. */
const LOOK_MS = { least: 25, most: 75 };

export class Sampler {
  readonly #keep: (snapshot: Snapshot) => void;
  #announce: (agent: Sampled) => void = () => undefined;
  readonly #started = new Promise<Sampled>((resolve) => {
    this.#announce = resolve;
  });
  #agent: Sampled | undefined;
  /** The last refresh that was begun, and the last that was begun for a question. */
  #refreshed: Promise<void> = Promise.resolve();
  #questioned: Promise<void> = Promise.resolve();
  #questionedMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #sampleTimer: NodeJS.Timeout | undefined;
  #stopped = false;
  #ready = false;
  /** What was said of a failure last, and when. */
  readonly #said = new Map<string, { readonly reason: string; readonly atMs: number }>();
  /** Seconds since the last snapshot. */
  #seconds = 0;

  /** `keep` gets the snapshot of each second. */
  constructor(keep: (snapshot: Snapshot) => void = () => undefined) {
    this.#keep = keep;
  }

  /** Takes the first snapshot before it resolves. */
  async start(agent: Sampled): Promise<void> {
    this.#agent = agent;
    await agent.refresh();
    this.#keep(await agent.take());
    await agent.refresh(); // owners of what the first snapshot found
    this.#ready = true;
    this.#announce(agent);
    this.#timer = setInterval(() => void this.#tick(agent), PERIOD_MS);
  }

  /** A fresh one; waits for the start, and for what a question began to read. */
  async take(): Promise<Snapshot> {
    const agent = await this.#started;
    await this.#questioned;
    return agent.take();
  }

  /** A person asks about this host: what is read for questions alone is read at once, for the next second may be too late for the answer. */
  ask(): void {
    const now = performance.now();
    this.#agent?.ask();
    if (!this.#agent || !this.#ready || now - this.#questionedMs < QUESTION_EVERY_MS) return;
    this.#questionedMs = now;
    this.#questioned = this.#refresh(this.#agent);
  }

  notReady(): string | undefined {
    return this.#ready ? undefined : 'probes are being attached';
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#sampleTimer);
  }

  /** Goes on while there is a reader to look at; the next snapshot begins anew. */
  #sampleOn(agent: Sampled): void {
    clearTimeout(this.#sampleTimer);
    const { least, most } = LOOK_MS;
    this.#sampleTimer = setTimeout(
      () => {
        try {
          if (agent.sampleReaders()) this.#sampleOn(agent);
        } catch {
          // The driver was unloaded: the next snapshot says what there is to say.
        }
      },
      least + Math.random() * (most - least),
    );
  }

  /** A snapshot that fails, or a rule that does, keeps no owner, budget or driver that was loaded again from being seen. */
  async #tick(agent: Sampled): Promise<void> {
    this.#seconds += 1;
    if (this.#seconds < agent.interval.seconds) return;
    this.#seconds = 0;
    await this.#attempt('a snapshot failed', async () => this.#keep(await agent.take()));
    await this.#refresh(agent);
    if (!this.#stopped && agent.isPressed) this.#sampleOn(agent);
  }

  /** One at a time. */
  #refresh(agent: Sampled): Promise<void> {
    this.#refreshed = this.#refreshed.then(() =>
      this.#attempt('owners, budget and drivers could not be looked at', () => agent.refresh()),
    );
    return this.#refreshed;
  }

  async #attempt(failure: string, work: () => Promise<void>): Promise<void> {
    try {
      if (!this.#stopped) await work();
      this.#said.delete(failure);
    } catch (error) {
      if (this.#stopped) return; // what it looked at was closed meanwhile
      const reason = error instanceof Error ? error.message : String(error);
      const said = this.#said.get(failure);
      const atMs = performance.now();
      if (said?.reason === reason && atMs - said.atMs < SAY_AGAIN_MS) return;
      this.#said.set(failure, { reason, atMs });
      warn(`${failure} (${reason}). It is tried again each second; the log says it once a minute.`);
    }
  }
}
