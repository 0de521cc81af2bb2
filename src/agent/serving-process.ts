// SPDX-License-Identifier: Apache-2.0
// The process that answers requests, as the process that counts sees it: started, fed with snapshots, started again when it ends. From there
// comes one byte at a time, and only six are known: nothing of what it received is parsed here.
import { setTimeout as wait } from 'node:timers/promises';
import { countSecondProcess } from '../kernel/processes/agent-cpu.ts';
import type { Reach } from '../kernel/processes/native-processes.ts';
import { type SecondProcess, startSecond } from '../kernel/processes/second-process.ts';
import { ownLog } from '../log/log.ts';
import { discardedOutputLines } from '../log/log-limits.ts';
import type { CountingProcess, Snapshot } from '../snapshot/snapshot.ts';
import { REQUESTS, SnapshotWriter } from '../snapshot/stream.ts';
import { RestartPause } from './restart-pause.ts';

/** It hangs, or an intruder makes bytes wait for it: a process that has taken nothing for so many samples in a row is ended. */
const MOST_UNREAD_SAMPLES = 30;
/** Bytes of it that are heard in one period. The answers that it may compute at once ask for far fewer. */
const MOST_HEARD_BYTES = 1000;
const HEARING_PERIOD_MS = 100;
/** Of the memory of this process, unless a scrape asks: to read it takes a file. */
const RESIDENT_EVERY_MS = 10_000;
/** How long it may take to end: the last export to a collector has 3 s. */
const END_WITHIN_MS = 6000;

interface ServingOptions {
  /** The file of the program. */
  readonly file: string;
  /** What it may reach, where the kernel has Landlock. */
  readonly reach: () => Reach;
  /** What it needs to know first; it is asked for at each start. */
  readonly setup: () => object;
  readonly takeSnapshot: () => Promise<Snapshot>;
  /** A person asks about this host. */
  readonly ask: () => void;
  /** A person watches figures that level `exact` alone has. */
  readonly wake: () => void;
  /** Called at each start: what it is handed (a socket that listens). */
  readonly begun: () => void;
  readonly say: (error: Error) => unknown;
}

/** The process ended before it listened, and has said why. */
export class ServingEnded extends Error {
  readonly code: number | undefined;

  constructor(how: string, code: number | undefined) {
    super(`The process that answers requests ended with ${how}.`);
    this.code = code;
  }
}

interface Life {
  readonly process: SecondProcess;
  readonly writer: SnapshotWriter;
  /** Snapshots that it asked for and did not get yet. */
  wanted: number;
  isAnswering: boolean;
  /** It asked for a sign of life and did not get it yet. */
  isPulseWanted: boolean;
  /** Samples in a row that it could not be sent, for it had not read what came before. */
  unreadSamples: number;
  listens: boolean;
  readonly begunMs: number;
  /** Bytes heard since `hearsSince`, in ms of this process. */
  heard: number;
  hearsSince: number;
}

export class ServingProcess {
  readonly #options: ServingOptions;
  readonly #pause = new RestartPause();
  #life: Life | undefined;
  /** The newest; it may have ended. */
  #process: SecondProcess | undefined;
  #restarts = 0;
  /** Bytes, read then. */
  #resident = 0;
  #residentMs = Number.NEGATIVE_INFINITY;
  #isResting = false;
  #isStopping = false;
  #latest: Snapshot | undefined;
  #served: Promise<void> | undefined;
  #announceServes: () => void = () => undefined;
  #announce: { readonly listens: () => void; readonly ended: (error: Error) => void } | undefined;

  constructor(options: ServingOptions) {
    this.#options = options;
  }

  /** Resolves when it listens; rejects with ServingEnded. What comes after that is told, and it is started again. */
  async start(): Promise<void> {
    const listens = new Promise<void>((resolve, reject) => {
      this.#announce = { listens: resolve, ended: reject };
    });
    this.#begin();
    return listens;
  }

  /** The snapshot of a second. One that cannot be taken now is left out: the next tells all that it told. */
  see(snapshot: Snapshot): void {
    this.#latest = snapshot;
    const life = this.#life;
    if (!life) return;
    const { channel } = life.process;
    life.unreadSamples = channel.writableNeedDrain ? life.unreadSamples + 1 : 0;
    if (life.unreadSamples === 0) this.#write(life, snapshot, { isSecond: true });
    else if (life.unreadSamples === MOST_UNREAD_SAMPLES) {
      this.#options.say(new Error('The process that answers requests reads nothing any more, and is ended.'));
      life.process.kill();
    }
  }

  /** A message of another kind. */
  send(message: object): void {
    this.#life?.process.channel.write(`${JSON.stringify(message)}\n`);
  }

  hand(descriptor: number): void {
    this.#process?.hand(descriptor);
    this.send({ handed: true });
  }

  /** Resolves when it shows that it serves, in answer to this question or the one before. */
  async serves(): Promise<void> {
    if (this.#isResting) return;
    this.#served ??= new Promise((resolve) => {
      this.#announceServes = () => {
        this.#served = undefined;
        resolve();
      };
    });
    this.send({ prove: true });
    return this.#served;
  }

  /** Stops the process, which finishes the answers under way first. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const life = this.#life;
    if (!life) return;
    this.send({ stop: true });
    const kill = setTimeout(() => life.process.kill(), END_WITHIN_MS);
    await life.process.ended;
    clearTimeout(kill);
  }

  #begin(): void {
    const process = startSecond(this.#options.file, this.#options.reach());
    this.#process = process;
    const life: Life = {
      process,
      writer: new SnapshotWriter(),
      wanted: 0,
      isAnswering: false,
      isPulseWanted: false,
      unreadSamples: 0,
      listens: false,
      begunMs: performance.now(),
      heard: 0,
      hearsSince: 0,
    };
    this.#life = life;
    process.channel.on('data', (bytes) => this.#hear(life, String(bytes)));
    void process.ended.then(({ how, code }) => this.#ended(life, how, code));
    this.send({ setup: this.#options.setup() });
    this.#options.begun();
    if (this.#latest) this.#write(life, this.#latest, { isSecond: true });
  }

  /** However many bytes come at once: one sign of life answers them. */
  #hear(life: Life, said: string): void {
    for (const byte of said) {
      if (byte === REQUESTS.snapshot) life.wanted += 1;
      else if (byte === REQUESTS.serves) this.#announceServes();
      else if (byte === REQUESTS.listening) {
        life.listens = true;
        const pid = life.process.pid();
        if (pid !== undefined) countSecondProcess(pid);
        this.#announce?.listens();
      } else if (byte === REQUESTS.pulse) life.isPulseWanted = true;
      else if (byte === REQUESTS.question) this.#options.ask();
      else if (byte === REQUESTS.exact) this.#options.wake();
      else {
        this.#options.say(new Error('The process that answers requests sent what it must not send, and is ended.'));
        life.process.kill();
        return;
      }
    }
    if (life.isPulseWanted && !life.process.channel.writableNeedDrain) this.#sendPulse(life);
    rest(life, said.length);
    void this.#answer(life);
  }

  /**
   * One answer is under way at a time, and the next one follows when it was read. Each snapshot answers all that asked before it was begun.
   * One that asks without end gets half of the time at most.
   */
  async #answer(life: Life): Promise<void> {
    if (life.isAnswering) return;
    life.isAnswering = true;
    await this.#drained(life);
    while ((life.isPulseWanted || life.wanted > 0) && life === this.#life) {
      if (life.isPulseWanted) this.#sendPulse(life);
      if (life.wanted > 0) await this.#answerSnapshot(life);
      await this.#drained(life);
    }
    life.isAnswering = false;
  }

  #sendPulse(life: Life): void {
    life.isPulseWanted = false;
    life.process.channel.write('{"pulse":true}\n');
  }

  async #answerSnapshot(life: Life): Promise<void> {
    const answers = life.wanted;
    life.wanted = 0;
    const from = performance.now();
    try {
      const snapshot = await this.#options.takeSnapshot();
      this.#write(life, snapshot, { answers });
    } catch (error) {
      this.send({ failed: error instanceof Error ? error.message : String(error), answers });
    }
    await wait(performance.now() - from);
  }

  async #drained({ process }: Life): Promise<void> {
    const { channel } = process;
    if (!channel.writableNeedDrain) return;
    const drained = new Promise<void>((resolve) => channel.once('drain', () => resolve()));
    await Promise.race([drained, process.ended]);
  }

  #write(life: Life, snapshot: Snapshot, head: { readonly isSecond?: true; readonly answers?: number }): void {
    const { channel } = life.process;
    // First, for it asks the kernel, which may refuse: a channel that stays corked, or a part of a snapshot, would end what follows.
    if (!head.isSecond || performance.now() - this.#residentMs > RESIDENT_EVERY_MS) this.#readResident();
    const agent = { ...snapshot.agent, counting: this.#counting() };
    channel.cork();
    channel.write(`${JSON.stringify({ head })}\n`);
    for (const line of life.writer.lines({ ...snapshot, agent })) channel.write(`${line}\n`);
    channel.uncork();
  }

  #counting(): CountingProcess {
    const { user, system } = process.cpuUsage();
    return {
      servingRestarts: this.#restarts,
      cpuSeconds: (user + system) / 1e6,
      residentBytes: this.#resident,
      logLinesDropped: ownLog().dropped() + discardedOutputLines(),
    };
  }

  /** It takes a descriptor, and this host may have none left: then it stays as last read. */
  #readResident(): void {
    this.#residentMs = performance.now();
    try {
      this.#resident = process.memoryUsage.rss();
    } catch {
      // The figures of devices take none, and are shown all the same.
    }
  }

  async #ended(life: Life, how: string, code: number | undefined): Promise<void> {
    if (this.#life === life) this.#life = undefined;
    if (this.#isStopping) return;
    const announce = this.#announce;
    if (!life.listens && this.#restarts === 0) return announce?.ended(new ServingEnded(how, code));
    this.#restarts += 1;
    const pauseMs = this.#pause.after(performance.now() - life.begunMs);
    this.#options.say(
      new Error(
        `The process that answers requests ended (${how}) and is started again${inSeconds(pauseMs)}; its history begins anew.`,
      ),
    );
    await this.#beginAgain(pauseMs);
  }

  /** This host may lack what a process needs: descriptors, memory, processes. Counting goes on meanwhile. */
  async #beginAgain(firstPauseMs: number): Promise<void> {
    let pauseMs = firstPauseMs;
    for (;;) {
      await this.#rested(pauseMs);
      if (this.#isStopping) return;
      try {
        return this.#begin();
      } catch (error) {
        pauseMs = this.#pause.after(0);
        const reason = error instanceof Error ? error.message : String(error);
        this.#options.say(
          new Error(`The process that answers requests cannot be started (${reason}); next try${inSeconds(pauseMs)}.`),
        );
      }
    }
  }

  /** Meanwhile this process serves as well as it can: a service manager that ended it would lose its counts. */
  async #rested(pauseMs: number): Promise<void> {
    this.#isResting = true;
    this.#announceServes();
    await wait(pauseMs, undefined, { ref: false });
    this.#isResting = false;
  }
}

/** '': at once. */
function inSeconds(ms: number): string {
  return ms === 0 ? '' : ` in ${ms / 1000} s`;
}

/** One that talks without end is not listened to until the period is over. */
function rest(life: Life, bytes: number): void {
  const now = performance.now();
  if (now - life.hearsSince > HEARING_PERIOD_MS) Object.assign(life, { heard: 0, hearsSince: now });
  life.heard += bytes;
  if (life.heard <= MOST_HEARD_BYTES) return;
  const { channel } = life.process;
  channel.pause();
  setTimeout(() => channel.resume(), HEARING_PERIOD_MS);
}
