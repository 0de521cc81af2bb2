// SPDX-License-Identifier: Apache-2.0
// What rtnetlink says of a namespace, for its tun and tap devices: in bounded time and memory, and what could not be read is said.
import { readUnansweredSources, type UnansweredSource } from '../../kernel/conntrack.ts';
import { errnoOf } from '../../kernel/error-name.ts';
import { type RefusedSends, readRefusedSends } from '../../kernel/refused-sends.ts';
import { type Qdisc, readQdiscs } from '../../kernel/rtnetlink.ts';
import {
  type FdbEntry,
  type Mdb,
  type PortVlan,
  readFdb,
  readMdb,
  readPortVlans,
} from '../../kernel/rtnetlink-bridge.ts';
import { type Filters, filterPlaces, hookOf, type Mirred, readFilters } from '../../kernel/rtnetlink-filters.ts';
import { type Reach, readAddressed, readForwarding } from '../../kernel/rtnetlink-forwarding.ts';
import {
  type Neighbour,
  type Route,
  readNeighbours,
  readRoutes,
  readWay,
  type Way,
} from '../../kernel/rtnetlink-routes.ts';
import { readTopology, type TopologyLink } from '../../kernel/rtnetlink-topology.ts';
import { readUnservedPackets, type UnservedPackets } from '../../kernel/unserved-packets.ts';
import { type BridgeNeighbour, bridgeNeighbours, placeOf } from './bridge-neighbours.ts';
import { type GuestNetwork, guestNetworks } from './guest-networks.ts';
import { type AskedAddress, addressesAt, addressesOf } from './stray-addresses.ts';

/** Where tc may end packets without a drop. A program that is attached without a qdisc (tcx) cannot: its verdicts drop or redirect. */
interface TcEnd {
  readonly ifindex: number;
  readonly hook: Mirred['hook'];
  /** By an action that steals or traps; else by a BPF program. */
  readonly isAction: boolean;
}

export interface NamespaceTables {
  readonly links: ReadonlyMap<number, TopologyLink>;
  /** By the ifindex of the bridge; those without a device of ours as a port are not read. */
  readonly fdb: ReadonlyMap<number, readonly FdbEntry[]>;
  readonly mdb: Mdb;
  readonly vlans: ReadonlyMap<number, readonly PortVlan[]>;
  readonly qdiscs: readonly Qdisc[];
  readonly mirred: readonly Mirred[];
  readonly tcEnds: readonly TcEnd[];
  /** `addressed` is empty where nothing can end packets of another device silently. */
  readonly reach: Reach;
  readonly asked: ReadonlyMap<number, readonly AskedAddress[]>;
  readonly ways: ReadonlyMap<string, Way>;
  readonly networks: readonly GuestNetwork[];
  readonly neighbours: readonly BridgeNeighbour[];
  /** Sources that the host writes instead of others’, without an answer, and that it does not have. */
  readonly foreignSources: readonly UnansweredSource[];
  readonly refusedSends: RefusedSends;
  readonly unserved: UnservedPackets;
  readonly unread: readonly string[];
}

/** Some 20 000 addresses, groups, filters or routes. A longer table is not read: it would hold up the process that counts. */
const MOST_BYTES = 2 << 20;
/** Devices with filters, and ways that are asked for. */
const MOST_PLACES = 64;
const MOST_WAYS = 64;
const MOST_SOURCES = 8;
const NO_MDB: Mdb = { entries: [], routerPorts: new Set() };

/** This kernel was built without it (bridge, classifiers, IPv6), or the device or its qdisc has gone meanwhile. */
const NOTHING_THERE: readonly string[] = ['EOPNOTSUPP', 'EAFNOSUPPORT', 'ENODEV', 'EINVAL'];

/** Reads part after part until the time is up. */
class PartReader {
  readonly unread: string[] = [];
  readonly #until: number;

  constructor(milliseconds: number) {
    this.#until = performance.now() + milliseconds;
  }

  /** `otherwise`: the answer if the part cannot be read, or not in time. */
  async read<Part>(what: string, otherwise: Part, read: () => Promise<Part>): Promise<Part> {
    if (performance.now() > this.#until) return this.#miss(what, 'the time was up', otherwise);
    try {
      return await read();
    } catch (error) {
      const errno = errnoOf(error);
      if (errno !== undefined && NOTHING_THERE.includes(errno)) return otherwise;
      if (errno === undefined && !(error instanceof RangeError)) throw error;
      return this.#miss(
        what,
        errno === 'EMSGSIZE' ? 'there are too many' : (errno ?? 'the answer is broken'),
        otherwise,
      );
    }
  }

  #miss<Part>(what: string, why: string, otherwise: Part): Part {
    this.unread.push(`${what} (${why})`);
    return otherwise;
  }
}

/** `ifindices`: of tun and tap devices of ours there. Throws where the namespace cannot be entered. */
export async function readNamespace(
  path: string | undefined,
  ifindices: readonly number[],
  milliseconds: number,
): Promise<NamespaceTables> {
  const links = await readTopology(path, MOST_BYTES);
  const reader = new PartReader(milliseconds);
  const qdiscs = await reader.read('qdiscs', [], () => readQdiscs(path));
  const { mirred, tcEnds } = await readAllFilters(reader, path, qdiscs);
  const reach = await readReach(reader, path, mayEndPackets(ifindices, links, tcEnds));
  const bridges = bridgesOf(ifindices, links);
  const fdb = new Map<number, readonly FdbEntry[]>();
  for (const { ifindex, name } of bridges) {
    const entries = await reader.read(`the addresses of ${name}`, undefined, () => readFdb(path, ifindex, MOST_BYTES));
    if (entries) fdb.set(ifindex, entries);
  }
  const mdb = bridges.some(({ bridge }) => bridge?.snoops)
    ? await reader.read('the groups of its bridge', NO_MDB, () => readMdb(path, MOST_BYTES))
    : NO_MDB;
  const vlans = bridges.some(({ bridge }) => bridge?.filtersVlans)
    ? await reader.read('the VLANs of its bridge', new Map(), () => readPortVlans(path, MOST_BYTES))
    : new Map<number, readonly PortVlan[]>();
  const routing = await readRouting(reader, path, ifindices, { links, fdb });
  const foreignSources = await readForeignSources(reader, path);
  const refusedSends = await reader.read('counters of refused packets', {}, () => readRefusedSends(path));
  const unserved = await reader.read('counters of packets that the host took', {}, () => readUnservedPackets(path));
  return {
    links,
    fdb,
    mdb,
    vlans,
    qdiscs,
    mirred,
    tcEnds,
    reach,
    ...routing,
    foreignSources,
    refusedSends,
    unserved,
    unread: [...new Set(reader.unread)],
  };
}

/** Addresses by bridge, and nothing else: for the memory of what was behind which port. */
export async function readAddresses(
  path: string | undefined,
  ifindices: readonly number[],
): Promise<Pick<NamespaceTables, 'fdb'>> {
  const links = await readTopology(path, MOST_BYTES);
  const fdb = new Map<number, readonly FdbEntry[]>();
  for (const { ifindex } of bridgesOf(ifindices, links)) fdb.set(ifindex, await readFdb(path, ifindex, MOST_BYTES));
  return { fdb };
}

/** Bridges that devices of ours are ports of. */
function bridgesOf(ifindices: readonly number[], links: NamespaceTables['links']): readonly TopologyLink[] {
  const masters = new Set(ifindices.flatMap((ifindex) => links.get(ifindex)?.master ?? []));
  return [...masters].flatMap((master) => {
    const link = links.get(master);
    return link?.bridge ? [link] : [];
  });
}

async function readAllFilters(
  reader: PartReader,
  path: string | undefined,
  qdiscs: readonly Qdisc[],
): Promise<Pick<NamespaceTables, 'mirred' | 'tcEnds'>> {
  const places = qdiscs.flatMap(filterPlaces);
  const found: Mirred[] = [];
  const tcEnds: TcEnd[] = [];
  const none: Filters = { mirred: [], ends: undefined };
  for (const place of places.slice(0, MOST_PLACES)) {
    const { mirred, ends } = await reader.read('tc filters', none, () => readFilters(path, place, MOST_BYTES));
    found.push(...mirred);
    if (ends) tcEnds.push({ ifindex: place.ifindex, hook: hookOf(place), isAction: ends === 'action' });
  }
  if (places.length > MOST_PLACES)
    reader.unread.push(`tc filters of ${places.length - MOST_PLACES} devices (there are too many)`);
  return { mirred: found, tcEnds };
}

const NO_REACH: Reach = { forwarding: { devices: new Set(), byAll: false }, addressed: new Set() };

/** Whether something can end packets of another device silently. */
function mayEndPackets(
  ifindices: readonly number[],
  links: NamespaceTables['links'],
  tcEnds: NamespaceTables['tcEnds'],
): boolean {
  const hasXdp = [...links.values()].some(({ xdp, tun }) => xdp && !tun);
  return hasXdp || tcEnds.some(({ ifindex }) => !ifindices.includes(ifindex));
}

/** A host may have more addresses than are read: only where they matter is that a doubt. */
async function readReach(reader: PartReader, path: string | undefined, usesAddresses: boolean): Promise<Reach> {
  const { forwarding, addressed } = NO_REACH;
  return {
    forwarding: await reader.read('what is forwarded', forwarding, () => readForwarding(path, MOST_BYTES)),
    addressed: usesAddresses
      ? await reader.read('addresses', addressed, () => readAddressed(path, MOST_BYTES))
      : addressed,
  };
}

async function readForeignSources(reader: PartReader, path: string | undefined): Promise<readonly UnansweredSource[]> {
  // Too many of them tell nothing. An agent has no CAP_NET_ADMIN, as these need; whoever types a command where none runs has.
  const read = (): Promise<readonly UnansweredSource[]> =>
    readUnansweredSources(path, MOST_BYTES).catch((error: unknown) => {
      if (['EMSGSIZE', 'EPERM'].includes(errnoOf(error) ?? '')) return [];
      throw error;
    });
  const found = await reader.read('connections', [], read);
  const foreign: string[] = [];
  for (const address of [...new Set(found.map(({ as }) => as))].slice(0, MOST_SOURCES)) {
    const way = await reader.read('routes', undefined, () => readWay(path, address, MOST_BYTES));
    if (way && way.type !== 'local') foreign.push(address);
  }
  return found.filter(({ as }) => foreign.includes(as));
}

async function readRouting(
  reader: PartReader,
  path: string | undefined,
  ifindices: readonly number[],
  { links, fdb }: Pick<NamespaceTables, 'links' | 'fdb'>,
): Promise<Pick<NamespaceTables, 'asked' | 'ways' | 'networks' | 'neighbours'>> {
  const routed = ifindices.filter((ifindex) => links.get(ifindex)?.master === undefined);
  const routes: Route[] = [];
  const all: Neighbour[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    if (routed.length > 0)
      routes.push(...(await reader.read('routes', [], () => readRoutes(path, family, MOST_BYTES))));
    if (routed.length > 0 || fdb.size > 0)
      all.push(...(await reader.read('neighbours', [], () => readNeighbours(path, family, MOST_BYTES))));
  }
  const neighbours = bridgeNeighbours(all, { links, fdb });
  const asked = new Map(
    ifindices.map((ifindex) => [
      ifindex,
      routed.includes(ifindex)
        ? addressesOf(ifindex, { routes, neighbours: all })
        : addressesAt(placeOf(ifindex, { links, fdb }), neighbours),
    ]),
  );
  const addresses = new Set([...asked.values()].flatMap((some) => some.map(({ address }) => address)));
  const ways = new Map<string, Way>();
  for (const address of [...addresses].slice(0, MOST_WAYS)) {
    const way = await reader.read('routes', undefined, () => readWay(path, address, MOST_BYTES));
    if (way) ways.set(address, way);
  }
  return { asked, ways, networks: guestNetworks(routed, { routes, neighbours: all }), neighbours };
}
