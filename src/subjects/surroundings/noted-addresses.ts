// SPDX-License-Identifier: Apache-2.0
// The addresses that were behind ports of bridges: noted now and then while nobody asks, so that one that is behind another port later is missed.
import type { WalkedDevice } from '../../engine/walk.ts';
import { errnoOf } from '../../kernel/error-name.ts';
import type { NamespacePaths } from './namespace-paths.ts';
import { readAddresses } from './read-namespace.ts';

/** Without a question the addresses behind ports are noted so often. */
const NOTED_EVERY_MS = 10_000;
/** Addresses of one port that are remembered: a guest may be a router of thousands. */
const MOST_REMEMBERED = 64;

const NONE: ReadonlySet<string> = new Set();

export type Walked = Pick<WalkedDevice, 'id' | 'netns' | 'ifindex' | 'name' | 'bridgePort'>;

export class NotedAddresses {
  readonly #paths: NamespacePaths;
  readonly #remembered = new Map<bigint, ReadonlySet<string>>();
  readonly #noted = new Set<bigint>();
  #notedMs = Number.NEGATIVE_INFINITY;

  constructor(paths: NamespacePaths) {
    this.#paths = paths;
  }

  of(id: bigint): ReadonlySet<string> {
    return this.#remembered.get(id) ?? NONE;
  }

  all(): Iterable<ReadonlySet<string>> {
    return this.#remembered.values();
  }

  add(id: bigint, addresses: Iterable<string>): void {
    const known = new Set(this.#remembered.get(id));
    for (const address of addresses) if (known.size < MOST_REMEMBERED) known.add(address);
    if (known.size > 0) this.#remembered.set(id, known);
  }

  forget(id: bigint): void {
    this.#remembered.delete(id);
    this.#noted.delete(id);
  }

  /** A port that is new is noted at once. */
  isDue(devices: Iterable<Walked>): boolean {
    const ports = portsIn(devices);
    if (ports.length === 0) return false;
    return performance.now() - this.#notedMs >= NOTED_EVERY_MS || ports.some(({ id }) => !this.#noted.has(id));
  }

  /** Nobody asks: a host with thousands of guests pays a dump of each bridge, now and then. */
  async note(devices: Iterable<Walked>): Promise<void> {
    this.#notedMs = performance.now();
    const ports = portsIn(devices);
    for (const { id } of ports) this.#noted.add(id);
    for (const [netns, those] of byNamespace(ports)) {
      try {
        const ifindices = those.map(({ ifindex }) => ifindex);
        const { fdb } = await readAddresses(await this.#paths.to(netns), ifindices);
        const all = [...fdb.values()].flat();
        for (const { id, ifindex } of those)
          this.add(
            id,
            all.flatMap(({ port, address, origin }) => (port === ifindex && origin !== 'local' ? [address] : [])),
          );
      } catch (error) {
        if (errnoOf(error) === undefined) throw error; // gone meanwhile, not to be entered, or too many: said when somebody asks
      }
    }
  }
}

function portsIn(devices: Iterable<Walked>): readonly Walked[] {
  return [...devices].filter(({ bridgePort }) => bridgePort);
}

export function byNamespace(devices: Iterable<Walked>): ReadonlyMap<number, readonly Walked[]> {
  const groups = new Map<number, Walked[]>();
  for (const device of devices) groups.set(device.netns, [...(groups.get(device.netns) ?? []), device]);
  return groups;
}
