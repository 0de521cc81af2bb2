// SPDX-License-Identifier: Apache-2.0
// Names and paths of network namespaces, read again now and then, and when devices of another one are there.
import { namespaceName, ownNamespace, namespacePaths as paths } from '../kernel/namespaces.ts';
import type { Device } from '../snapshot/device.ts';
import type { AgentState } from '../snapshot/snapshot.ts';

const AGE_MS = 10_000;

export class NamespaceNames {
  #now: Pick<AgentState, 'netns' | 'namespaceNames' | 'namespacePaths'> = {
    netns: undefined,
    namespaceNames: new Map(),
    namespacePaths: new Map(),
  };
  /**
   * The first device of each namespace, and as names were last looked up: a new namespace gets its name at once, also
   * where it has the number of one that died.
   */
  #seenIn: ReadonlyMap<number, string> = new Map();
  #namedIn: ReadonlyMap<number, string> = new Map();
  #readMs = Number.NEGATIVE_INFINITY;

  get now(): Pick<AgentState, 'netns' | 'namespaceNames' | 'namespacePaths'> {
    return this.#now;
  }

  see(devices: readonly Device[]): void {
    this.#seenIn = firstDevices(devices);
  }

  /** They are read at the next refresh(). */
  forget(): void {
    this.#readMs = Number.NEGATIVE_INFINITY;
  }

  async refresh(): Promise<void> {
    const isNew = [...this.#seenIn].some(([netns, id]) => this.#namedIn.get(netns) !== id);
    if (!isNew && performance.now() - this.#readMs < AGE_MS) return;
    this.#readMs = performance.now();
    this.#namedIn = this.#seenIn;
    const namespacePaths = await paths();
    const namespaceNames = new Map([...namespacePaths].map(([inode, path]) => [inode, namespaceName(path)]));
    this.#now = { ...this.#now, namespacePaths, namespaceNames };
    this.#now = { ...this.#now, netns: await ownNamespace() };
  }
}

function firstDevices(devices: readonly Device[]): ReadonlyMap<number, string> {
  const first = new Map<number, string>();
  for (const { netns, id } of devices) if (!first.has(netns)) first.set(netns, id);
  return first;
}
