// SPDX-License-Identifier: Apache-2.0
// What systemd is told of the agent. No timer of its own: a sign of life follows a fresh sample, and the answer of the process that serves.
import type { ServiceManager } from '../kernel/processes/service-manager.ts';
import type { ServingProcess } from './serving-process.ts';

/** The part of systemd's watchdog time between two signs of life: a sample or an answer may take long. */
const PART = 1 / 4;

export class Heartbeat {
  readonly #manager: Pick<ServiceManager, 'isThere' | 'watchdogMs' | 'tell'>;
  readonly #serving: Pick<ServingProcess, 'serves'>;
  #status: string | undefined;
  #isReady = false;
  #isWaiting = false;
  #isStopping = false;
  #dueMs = 0;

  constructor(
    manager: Pick<ServiceManager, 'isThere' | 'watchdogMs' | 'tell'>,
    serving: Pick<ServingProcess, 'serves'>,
  ) {
    this.#manager = manager;
    this.#serving = serving;
    manager.tell('STATUS=probes are being attached');
  }

  /** The start is complete, and this is what `systemctl status` says from now on. READY follows once figures are served. */
  complete(status: string): void {
    this.#status = status;
    this.sampled();
  }

  /** A sample was taken. */
  sampled(nowMs = performance.now()): void {
    const { isThere, watchdogMs } = this.#manager;
    const isWanted = isThere && !this.#isStopping && (!this.#isReady || watchdogMs !== undefined);
    if (this.#status === undefined || !isWanted || nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + (this.#isReady ? (watchdogMs ?? 0) * PART : 0);
    // Asked again: the process that was asked before may have ended.
    const serves = this.#serving.serves();
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    void serves.then(() => this.#tell());
  }

  stop(): void {
    this.#isStopping = true;
    this.#manager.tell('STOPPING=1', 'STATUS=the last answers are given');
  }

  #tell(): void {
    this.#isWaiting = false;
    if (this.#isStopping) return;
    const ready = this.#isReady ? [] : ['READY=1', `STATUS=${this.#status}`];
    this.#isReady = true;
    this.#manager.tell(...ready, ...(this.#manager.watchdogMs === undefined ? [] : ['WATCHDOG=1']));
  }
}
