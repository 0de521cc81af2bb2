// SPDX-License-Identifier: Apache-2.0
// To whom guests of macvtaps send, from which addresses, and what comes in below for these: what the mode of a macvtap does not carry is in no counter.
// Read while a person asks, apart from samples.
import { isDeepStrictEqual } from 'node:util';
import type { Parts } from '../engine/subject.ts';
import type { WalkedDevice } from '../engine/walk.ts';
import { errnoOf } from '../kernel/error-name.ts';
import { readTopology, type TopologyLink } from '../kernel/rtnetlink-topology.ts';
import type { MacvtapReach } from '../snapshot/surroundings.ts';
import { type BridgeFrames, ownFrames, type SeenFrames, type WatchedPort } from './surroundings/bridge-frames.ts';
import { NamespacePaths } from './surroundings/namespace-paths.ts';

type Walked = Pick<WalkedDevice, 'id' | 'netns' | 'ifindex'>;
type Links = ReadonlyMap<number, TopologyLink>;

const MOST_BYTES = 2 << 20;
/** Addresses of one guest that are looked at: it may make up more. */
const MOST_SENDERS = 16;

export class MacvtapReaches {
  readonly #parts: Pick<Parts, 'question' | 'programs'>;
  readonly #namespaces = new NamespacePaths();
  #frames: BridgeFrames | undefined;
  /** Why the kernel refuses the programs, or the namespace cannot be read. */
  #refused: string | undefined;
  #links: ReadonlyMap<number, Links> = new Map();
  #reaches: ReadonlyMap<bigint, MacvtapReach> = new Map();

  constructor(parts: Pick<Parts, 'question' | 'programs'>) {
    this.#parts = parts;
  }

  of(id: bigint): MacvtapReach | undefined {
    return this.#reaches.get(id);
  }

  get unfollowed(): string | undefined {
    return this.#refused === undefined ? undefined : `to whom its guest sends (${this.#refused})`;
  }

  async refresh(devices: readonly Walked[]): Promise<void> {
    if (!this.#parts.question.isOpen || devices.length === 0) return this.#close();
    if (this.#refused !== undefined) return;
    try {
      const links = new Map<number, Links>();
      for (const netns of new Set(devices.map((one) => one.netns)))
        links.set(netns, await readTopology(await this.#namespaces.to(netns), MOST_BYTES));
      this.#links = links;
      if (this.#parts.question.isOpen) this.#watch(devices);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      this.#close();
      this.#refused = errno;
    }
  }

  #watch(devices: readonly Walked[]): void {
    this.#frames ??= ownFrames(this.#parts.programs.typedReads);
    const ports = devices.flatMap(({ netns, ifindex }): readonly WatchedPort[] => {
      const { lower, macvlan } = this.#links.get(netns)?.get(ifindex) ?? {};
      if (!macvlan) return [];
      const below = lower === undefined ? [] : [{ netns, ifindex: lower, as: 'below' } as const];
      return [{ netns, ifindex, as: 'macvtap' }, ...below];
    });
    this.#frames.watch(ports);
    const own = devices.flatMap(({ netns, ifindex }) => this.#links.get(netns)?.get(ifindex)?.address ?? []);
    const senders = [...this.#reaches.values()].flatMap(({ senders }) => senders.map(({ address }) => address));
    this.#frames.expect([...own, ...senders]);
  }

  /** Once a sample. */
  read(devices: readonly Walked[]): void {
    if (!this.#frames) return;
    const frames = this.#frames.read();
    this.#reaches = new Map(
      devices.flatMap((device): readonly (readonly [bigint, MacvtapReach])[] => {
        const links = this.#links.get(device.netns);
        const link = links?.get(device.ifindex);
        if (!links || !link?.macvlan) return [];
        const reach = reachOf(
          link,
          links,
          frames.filter(({ netns }) => netns === device.netns),
        );
        const before = this.#reaches.get(device.id);
        return [[device.id, isDeepStrictEqual(before, reach) && before ? before : reach]];
      }),
    );
  }

  #close(): void {
    this.#frames?.close();
    this.#frames = undefined;
    this.#refused = undefined;
    this.#links = new Map();
    this.#reaches = new Map();
  }
}

function reachOf(link: TopologyLink, links: Links, frames: readonly SeenFrames[]): MacvtapReach {
  const { ifindex, address = '', lower, macvlan } = link;
  const own = frames.filter(({ port }) => port === ifindex);
  const below = frames.filter(({ port }) => port === lower);
  const senders = own.filter(({ isSender }) => isSender).toSorted((a, b) => b.packets - a.packets);
  const to = own.filter(({ isSender }) => !isSender);
  const sumTo = (wanted: (address: string) => boolean): number => sumOf(to.filter((one) => wanted(one.address)));
  const others = [...links.values()].filter(
    (one) => lower !== undefined && (one.ifindex === lower || one.lower === lower) && one.address !== address,
  );
  const within = sumTo((mac) => others.some((one) => one.address === mac && isWithin(link, one)));
  const returned = below.filter((one) => one.isSender && senders.some((sender) => sender.address === one.address));
  const beside = others
    .filter((one) => !isWithin(link, one))
    .map((one) => ({ device: one.name, address: one.address ?? '', packets: sumTo((mac) => mac === one.address) }));
  return {
    address,
    mode: macvlan?.mode ?? 'bridge',
    takesAll: macvlan?.takesAll ?? false,
    ...(lower !== undefined && { below: links.get(lower)?.name ?? '' }),
    senders: senders.slice(0, MOST_SENDERS).map((one) => ({
      address: one.address,
      packets: one.packets,
      arrived: sumOf(below.filter(({ address: mac, isSender }) => mac === one.address && !isSender)),
    })),
    beside: beside.filter(({ packets }) => packets > 0),
    missed: others
      .filter((one) => one.ifindex !== lower && !isWithin(link, one))
      .map((one) => ({
        device: one.name,
        address: one.address ?? '',
        packets: sumOf(frames.filter((seen) => isFor(seen, address) && seen.port === one.ifindex)),
      }))
      .filter(({ packets }) => packets > 0),
    arrived: sumOf(below.filter((seen) => isFor(seen, address))),
    // What it sends within the host comes in by the device below too (dev_forward_skb).
    returned: Math.max(0, sumOf(returned) - within),
    toMany: sumTo(isToMany),
  };
}

/** Within the host (macvlan_queue_xmit): both are of mode bridge. What is for the device below itself goes to the network. */
function isWithin({ macvlan }: TopologyLink, other: TopologyLink): boolean {
  return macvlan?.mode === 'bridge' && other.macvlan?.mode === 'bridge';
}

function isFor(seen: SeenFrames, address: string): boolean {
  return !seen.isSender && seen.address === address;
}

function isToMany(address: string): boolean {
  return (Number.parseInt(address.slice(0, 2), 16) & 1) !== 0;
}

function sumOf(frames: readonly SeenFrames[]): number {
  return frames.reduce((sum, { packets }) => sum + packets, 0);
}
