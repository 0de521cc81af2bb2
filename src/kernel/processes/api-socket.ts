// SPDX-License-Identifier: Apache-2.0
// The unix socket on which other commands of this host find the agent. Only its owner, root and the operator's group
// may open it. The counting process makes it, the serving process listens there.
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { tapscope } from '../../own-command.ts';
import { listenUnix } from './native-processes.ts';
import type { Group } from './socket-peer.ts';

/** A folder under /run may be cleared while the agent runs. */
const LOOK_EVERY_MS = 2000;

export class ApiSocket {
  readonly #path: string;
  readonly #group: Group | undefined;
  readonly #hand: (descriptor: number) => void;
  readonly #timer: NodeJS.Timeout;
  #isBusy = false;
  #isOpen = false;

  /** `hand` takes each descriptor that listens, and closes it. */
  constructor(path: string, group: Group | undefined, hand: (descriptor: number) => void) {
    this.#path = path;
    this.#group = group;
    this.#hand = hand;
    // What may not be looked at now is looked at again.
    this.#timer = setInterval(() => this.#renew().catch(() => undefined), LOOK_EVERY_MS).unref();
  }

  /** Opens the socket in place of the previous one, whose listener is gone. Throws one sentence. */
  async open(): Promise<void> {
    try {
      await makeRoom(this.#path);
      this.#hand(listenUnix(this.#path));
      this.#isOpen = true;
      if (this.#group) openFor(this.#group, this.#path);
    } catch (error) {
      const reason = error instanceof Error ? error.message : error;
      throw new Error(
        `the socket ${this.#path} for other commands cannot be made (${reason}): '${tapscope('diagnose --at')}' will find no agent; choose another with --socket.`,
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

/** Its members may pass our own folder, and neither list nor change it. */
function openFor({ name, gid }: Group, path: string): void {
  const folder = dirname(path);
  const { uid, mode } = lstatSync(folder);
  const isPrivate = uid === process.geteuid?.() && (mode & 0o077) === 0;
  try {
    chownSync(path, -1, gid);
    chmodSync(path, 0o660);
    if (!isPrivate) return;
    chownSync(folder, -1, gid);
    chmodSync(folder, 0o710);
  } catch (cause) {
    throw new Error(
      `the agent may not give it to the group ${name}: as a service it must be a member, by SupplementaryGroups=${name} in 'systemctl edit tapscope'`,
      { cause },
    );
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
