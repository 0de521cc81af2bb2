// SPDX-License-Identifier: Apache-2.0
// What the process that answers requests is sent, and heard to ask for, from its start to its end: snapshots and signs of life, in the order in which it
// reads them. From there comes one byte at a time, and only six are known: nothing of what it received is parsed here.
import { setTimeout as wait } from 'node:timers/promises';
import type { SecondProcess } from '../kernel/processes/second-process.ts';
import type { CountingProcess, Snapshot } from '../snapshot/snapshot.ts';
import { REQUESTS, SnapshotWriter } from '../snapshot/stream.ts';

/** It hangs, or an intruder makes bytes wait for it: a process that has taken nothing for so many samples in a row is ended. */
const MOST_UNREAD_SAMPLES = 30;
/** Bytes of it that are heard in one period. The answers that it may compute at once ask for far fewer. */
const MOST_HEARD_BYTES = 1000;
const HEARING_PERIOD_MS = 100;

/** What it asks for, and what this process says of itself. */
export interface ChannelOptions {
  readonly takeSnapshot: () => Promise<Snapshot>;
  /** A person asks about this host. */
  readonly ask: () => void;
  /** A person watches figures that level `exact` alone has. */
  readonly wake: () => void;
  readonly say: (error: Error) => unknown;
  readonly listens: () => void;
  readonly serves: () => void;
  readonly counting: (isAnswer: boolean) => CountingProcess;
}

export class ServingChannel {
  readonly #process: SecondProcess;
  readonly #options: ChannelOptions;
  readonly #writer = new SnapshotWriter();
  /** Snapshots that it asked for and did not get yet. */
  #wanted = 0;
  #isAnswering = false;
  /** It asked for a sign of life and did not get it yet. */
  #isPulseWanted = false;
  /** Samples in a row that it could not be sent, for it had not read what came before. */
  #unreadSamples = 0;
  /** Bytes heard since `#hearsSince`, in ms of this process. */
  #heard = 0;
  #hearsSince = 0;
  #isOver = false;

  constructor(process: SecondProcess, options: ChannelOptions) {
    this.#process = process;
    this.#options = options;
    process.channel.on('data', (bytes) => this.#hear(String(bytes)));
    void process.ended.then(() => {
      this.#isOver = true;
    });
  }

  /** The snapshot of a second. One that cannot be taken now is left out: the next tells all that it told. */
  see(snapshot: Snapshot): void {
    const { channel } = this.#process;
    this.#unreadSamples = channel.writableNeedDrain ? this.#unreadSamples + 1 : 0;
    if (this.#unreadSamples === 0) this.write(snapshot, { isSecond: true });
    else if (this.#unreadSamples === MOST_UNREAD_SAMPLES) {
      this.#options.say(new Error('The process that answers requests reads nothing any more, and is ended.'));
      this.#process.kill();
    }
  }

  /** A message of another kind. */
  send(message: object): void {
    this.#process.channel.write(`${JSON.stringify(message)}\n`);
  }

  write(snapshot: Snapshot, head: { readonly isSecond?: true; readonly answers?: number }): void {
    const { channel } = this.#process;
    // First, for it asks the kernel, which may refuse: a channel that stays corked, or a part of a snapshot, would end what follows.
    const agent = { ...snapshot.agent, counting: this.#options.counting(!head.isSecond) };
    channel.cork();
    channel.write(`${JSON.stringify({ head })}\n`);
    for (const line of this.#writer.lines({ ...snapshot, agent })) channel.write(`${line}\n`);
    channel.uncork();
  }

  /** However many bytes come at once: one sign of life answers them. */
  #hear(said: string): void {
    for (const byte of said) {
      if (byte === REQUESTS.snapshot) this.#wanted += 1;
      else if (byte === REQUESTS.serves) this.#options.serves();
      else if (byte === REQUESTS.listening) this.#options.listens();
      else if (byte === REQUESTS.pulse) this.#isPulseWanted = true;
      else if (byte === REQUESTS.question) this.#options.ask();
      else if (byte === REQUESTS.exact) this.#options.wake();
      else {
        this.#options.say(new Error('The process that answers requests sent what it must not send, and is ended.'));
        this.#process.kill();
        return;
      }
    }
    if (this.#isPulseWanted && !this.#process.channel.writableNeedDrain) this.#sendPulse();
    this.#rest(said.length);
    void this.#answer();
  }

  /**
   * One answer is under way at a time, and the next one follows when it was read. Each snapshot answers all that asked before it was begun.
   * One that asks without end gets half of the time at most.
   */
  async #answer(): Promise<void> {
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    await this.#drained();
    while ((this.#isPulseWanted || this.#wanted > 0) && !this.#isOver) {
      if (this.#isPulseWanted) this.#sendPulse();
      if (this.#wanted > 0) await this.#answerSnapshot();
      await this.#drained();
    }
    this.#isAnswering = false;
  }

  #sendPulse(): void {
    this.#isPulseWanted = false;
    this.send({ pulse: true });
  }

  async #answerSnapshot(): Promise<void> {
    const answers = this.#wanted;
    this.#wanted = 0;
    const from = performance.now();
    try {
      const snapshot = await this.#options.takeSnapshot();
      this.write(snapshot, { answers });
    } catch (error) {
      this.send({ failed: error instanceof Error ? error.message : String(error), answers });
    }
    await wait(performance.now() - from);
  }

  async #drained(): Promise<void> {
    const { channel } = this.#process;
    if (!channel.writableNeedDrain) return;
    const drained = new Promise<void>((resolve) => channel.once('drain', () => resolve()));
    await Promise.race([drained, this.#process.ended]);
  }

  /** One that talks without end is not listened to until the period is over. */
  #rest(bytes: number): void {
    const now = performance.now();
    if (now - this.#hearsSince > HEARING_PERIOD_MS) {
      this.#heard = 0;
      this.#hearsSince = now;
    }
    this.#heard += bytes;
    if (this.#heard <= MOST_HEARD_BYTES) return;
    const { channel } = this.#process;
    channel.pause();
    setTimeout(() => channel.resume(), HEARING_PERIOD_MS);
  }
}
