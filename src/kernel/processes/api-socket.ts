// SPDX-License-Identifier: Apache-2.0
// The unix socket on which other commands of this host find the agent, made where only its owner and root may open it. The process that
// counts makes it, the one that serves listens there.
import { existsSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { listenUnix } from '../native.ts';

/** A folder under /run may be cleared while the agent runs. */
const LOOK_EVERY_MS = 1000;

export class ApiSocket {
  readonly #path: string;
  readonly #hand: (descriptor: number) => void;
  readonly #timer: NodeJS.Timeout;
  #isBusy = false;
  #isOpen = false;

  /** `hand` takes each descriptor that listens, and closes it. */
  constructor(path: string, hand: (descriptor: number) => void) {
    this.#path = path;
    this.#hand = hand;
    this.#timer = setInterval(() => void this.#renew(), LOOK_EVERY_MS).unref();
  }

  /** In place of the one before, whose listener is gone. Throws one sentence. */
  async open(): Promise<void> {
    try {
      await makeRoom(this.#path);
      this.#hand(listenUnix(this.#path));
      this.#isOpen = true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : error;
      throw new Error(
        `the socket ${this.#path} for other commands cannot be made (${reason}): 'tapscope diagnose --at' will find no agent; choose another with --socket.`,
        { cause: error },
      );
    }
  }

  close(): void {
    clearInterval(this.#timer);
    if (this.#isOpen) rmSync(this.#path, { force: true });
    this.#isOpen = false;
  }

  /** One whose file is removed is made again. */
  async #renew(): Promise<void> {
    if (!this.#isOpen || this.#isBusy || lstatSync(this.#path, { throwIfNoEntry: false })) return;
    this.#isBusy = true;
    await this.open().catch(() => undefined);
    this.#isBusy = false;
  }
}

/** What a killed agent left is in the way. A file that is no socket is not ours to remove, nor is the socket of one that listens. */
async function makeRoom(path: string): Promise<void> {
  const folder = dirname(path);
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (!there) return;
  if (!there.isSocket()) throw new Error('another file is there, and it is no socket');
  if (await answers(path)) throw new Error('another agent listens there');
  rmSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
