// SPDX-License-Identifier: Apache-2.0
// On which CPUs vhost-net's workers may run, by /proc: what the kernel does, which is not always what was asked for.
import { isDeepStrictEqual } from 'node:util';
import type { WalkedDevice, WalkedQueue } from '../engine/walk.ts';
import { allowedCpus } from '../kernel/process-text.ts';
import type { Worker } from '../snapshot/queue.ts';

interface Seen extends Pick<WalkedDevice, 'id'> {
  readonly queues: readonly Pick<WalkedQueue, 'backend'>[];
}

export class WorkerAffinities {
  readonly #read: (tid: number) => Promise<string | undefined>;
  /** Of the last walk that had them, by device. */
  readonly #workers = new Map<bigint, readonly number[]>();
  #lists: ReadonlyMap<number, string> = new Map();
  #version = 0;

  constructor(read = allowedCpus) {
    this.#read = read;
  }

  /** Grows when an answer becomes another. */
  get version(): number {
    return this.#version;
  }

  see({ id, queues }: Seen): void {
    const tids = queues.flatMap(({ backend }) => backend?.worker?.tid ?? []);
    if (tids.length > 0) this.#workers.set(id, tids);
    else this.#workers.delete(id);
  }

  keepOnly(present: ReadonlySet<bigint>): void {
    for (const id of this.#workers.keys()) if (!present.has(id)) this.#workers.delete(id);
  }

  of(worker: Worker | undefined): Worker | undefined {
    if (!worker) return undefined;
    const cpus = this.#lists.get(worker.tid);
    return cpus === undefined ? worker : { ...worker, allowedCpus: cpus };
  }

  /** `isAnew`: those that were read before too, for they may be bound at any time. */
  async refresh(isAnew: boolean): Promise<void> {
    const lists = new Map<number, string>();
    for (const tid of new Set([...this.#workers.values()].flat())) {
      const cpus = (isAnew ? undefined : this.#lists.get(tid)) ?? (await this.#read(tid));
      if (cpus !== undefined) lists.set(tid, cpus);
    }
    if (isDeepStrictEqual(lists, this.#lists)) return;
    this.#lists = lists;
    this.#version += 1;
  }
}
