// SPDX-License-Identifier: Apache-2.0
// The process that answers requests, as the process that counts sees it: started, handed what it needs, and started again when it ends.
import { setTimeout as wait } from 'node:timers/promises';
import { countSecondProcess } from '../kernel/processes/agent-cpu.ts';
import type { Reach } from '../kernel/processes/native-processes.ts';
import { type SecondProcess, startSecond } from '../kernel/processes/second-process.ts';
import { ownLog } from '../log/log.ts';
import { discardedOutputLines } from '../log/log-limits.ts';
import type { CountingProcess, Snapshot } from '../snapshot/snapshot.ts';
import { RestartPause } from './restart-pause.ts';
import { type ChannelOptions, ServingChannel } from './serving-channel.ts';

/** Of the memory of this process, unless a scrape asks: to read it takes a file. */
const RESIDENT_EVERY_MS = 10_000;
/** How long it may take to end: the last export to a collector has 3 s. */
const END_WITHIN_MS = 6000;

interface ServingOptions extends Pick<ChannelOptions, 'takeSnapshot' | 'ask' | 'wake' | 'say'> {
  /** The file of the program. */
  readonly file: string;
  /** What it may reach, where the kernel has Landlock. */
  readonly reach: () => Reach;
  /** What it needs to know first; it is asked for at each start. */
  readonly setup: () => object;
  /** Called at each start: what it is handed (a socket that listens). */
  readonly begun: () => void;
}

/** The process ended before it listened, and has said why. */
export class ServingEnded extends Error {
  readonly code: number | undefined;

  constructor(how: string, code: number | undefined) {
    super(`The process that answers requests ended with ${how}.`);
    this.code = code;
  }
}

interface Ended {
  readonly channel: ServingChannel;
  readonly begunMs: number;
  readonly how: string;
  readonly code: number | undefined;
}

export class ServingProcess {
  readonly #options: ServingOptions;
  readonly #pause = new RestartPause();
  #channel: ServingChannel | undefined;
  /** The newest; it may have ended. */
  #process: SecondProcess | undefined;
  #restarts = 0;
  #hasListened = false;
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

  /** The snapshot of a second. */
  see(snapshot: Snapshot): void {
    this.#latest = snapshot;
    this.#channel?.see(snapshot);
  }

  /** A message of another kind. */
  send(message: object): void {
    this.#channel?.send(message);
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
    const process = this.#process;
    if (!this.#channel || !process) return;
    this.send({ stop: true });
    const kill = setTimeout(() => process.kill(), END_WITHIN_MS);
    await process.ended;
    clearTimeout(kill);
  }

  #begin(): void {
    const process = startSecond(this.#options.file, this.#options.reach());
    const begunMs = performance.now();
    const channel = new ServingChannel(process, {
      ...this.#options,
      listens: () => {
        this.#hasListened = true;
        const pid = process.pid();
        if (pid !== undefined) countSecondProcess(pid);
        this.#announce?.listens();
      },
      serves: () => this.#announceServes(),
      counting: (isAnswer) => this.#counting(isAnswer),
    });
    this.#process = process;
    this.#channel = channel;
    void process.ended.then((end) => this.#ended({ ...end, channel, begunMs }));
    this.send({ setup: this.#options.setup() });
    this.#options.begun();
    if (this.#latest) channel.write(this.#latest, { isSecond: true });
  }

  #counting(isAnswer: boolean): CountingProcess {
    if (isAnswer || performance.now() - this.#residentMs > RESIDENT_EVERY_MS) this.#readResident();
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

  async #ended({ how, code, channel, begunMs }: Ended): Promise<void> {
    if (this.#channel === channel) this.#channel = undefined;
    if (this.#isStopping) return;
    if (!this.#hasListened) return this.#announce?.ended(new ServingEnded(how, code));
    this.#restarts += 1;
    const pauseMs = this.#pause.after(performance.now() - begunMs);
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
