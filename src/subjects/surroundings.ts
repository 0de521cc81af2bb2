// SPDX-License-Identifier: Apache-2.0
// The configuration around a device: what its bridge, tc filters of others and routes do with its packets, where no probe on the device sees it.
// Read by rtnetlink while a person asks, apart from samples; which addresses were behind a port is remembered meanwhile.
import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { OpenSubject, Parts, Subject } from '../engine/subject.ts';
import { errnoOf } from '../kernel/error-name.ts';
import type { TopologyLink } from '../kernel/rtnetlink-topology.ts';
import type {
  AstrayFrames,
  BridgeTable,
  CountedPackets,
  LostOnTheWay,
  Surroundings,
  SurroundingsRead,
  WithheldFrames,
} from '../snapshot/surroundings.ts';
import { OwnCounts } from './own-counts.ts';
import type { SeenFrames } from './surroundings/bridge-frames.ts';
import { bridgeTableOf, guestAddresses, isPinned } from './surroundings/bridge-table.ts';
import { FrameCounts } from './surroundings/frame-counts.ts';
import type { TakenPackets } from './surroundings/guest-counting.ts';
import { guestKeys, keysOf } from './surroundings/guest-keys.ts';
import { ownerOf } from './surroundings/guest-networks.ts';
import { type GuestLoss, LostForGuests, type NeededParts } from './surroundings/lost-for-guests.ts';
import { NamespacePaths } from './surroundings/namespace-paths.ts';
import { byNamespace, NotedAddresses, type Walked } from './surroundings/noted-addresses.ts';
import { backlogsIn } from './surroundings/others-backlogs.ts';
import { type NamespaceTables, readNamespace } from './surroundings/read-namespace.ts';
import { redirectsOf } from './surroundings/redirects.ts';
import { hasTcEnds, silentEndsOf } from './surroundings/silent-ends.ts';
import { straysOf } from './surroundings/stray-addresses.ts';

/** For one refresh; what takes longer goes on beside the next one: a dump waits for whoever has RTNL. */
const REFRESH_MS = 300;
/** For one namespace, and for as many as are read in one go. */
const NAMESPACE_MS = 1500;
const LOOK_MS = 1500;
/** Addresses that programs wrote to ports. */
const MOST_PINNED = 1024;

/** Groups and addresses of one port that are reported. */
const MOST_WITHHELD = 16;

class Watch {
  readonly #question: Parts['question'];
  readonly devices = new Map<bigint, Walked>();
  #facts: ReadonlyMap<bigint, Surroundings> = new Map();
  /** When these were read. */
  #readings: readonly SurroundingsRead[] = [];
  readonly #frames: FrameCounts;
  readonly #lost: LostForGuests;
  readonly #ownLost = new OwnCounts<GuestLoss>(({ at, reason, location }) => `${at} ${reason} ${location}`);
  readonly #paths = new NamespacePaths();
  readonly #noted = new NotedAddresses(this.#paths);
  /** Addresses that a program wrote to ports of taps. */
  readonly #pinned = new Set<string>();
  /** Namespaces that are still to be read in this round. */
  #round: number[] = [];
  #reading: Promise<void> | undefined;

  constructor(parts: NeededParts) {
    this.#question = parts.question;
    this.#frames = new FrameCounts(parts.asked);
    this.#lost = new LostForGuests(parts);
  }

  of(id: bigint): Surroundings | undefined {
    return this.#facts.get(id);
  }

  /** undefined: nobody asks. */
  get readings(): readonly SurroundingsRead[] | undefined {
    return this.#question.isOpen ? this.#readings : undefined;
  }

  async refresh(): Promise<void> {
    const { isOpen } = this.#question;
    if (!isOpen) this.#close();
    if (!this.#reading && !isOpen && !this.#noted.isDue(this.devices.values())) return;
    this.#reading ??= (isOpen ? this.#look() : this.#noted.note(this.devices.values())).finally(() => {
      this.#reading = undefined;
    });
    const enough = new AbortController();
    const late = wait(REFRESH_MS, undefined, { signal: enough.signal }).catch(() => {});
    await Promise.race([this.#reading, late]);
    enough.abort();
  }

  forget(present: ReadonlySet<bigint>): void {
    this.#ownLost.keepOnly(present);
    for (const id of this.devices.keys())
      if (!present.has(id)) {
        this.devices.delete(id);
        this.#noted.forget(id);
      }
  }

  #close(): void {
    this.#frames.close();
    this.#pinned.clear();
    this.#lost.close();
    this.#ownLost.clear();
    this.#round = [];
    if (this.#facts.size > 0) this.#facts = new Map();
    if (this.#readings.length > 0) this.#readings = [];
  }

  /** As many namespaces as there is time for; the next refresh goes on with the others. */
  async #look(): Promise<void> {
    const until = performance.now() + LOOK_MS;
    const since = Date.now() / 1000;
    const groups = byNamespace(this.devices.values());
    if (this.#round.length === 0) this.#round = [...groups.keys()];
    const seen = {
      frames: this.#frames.read(),
      lost: this.#lost.read(),
      taken: this.#lost.readTaken(),
      knowsTaken: this.#lost.knowsTaken,
      passed: this.#lost.readPassed(),
    };
    const facts = new Map([...this.#facts].filter(([id]) => this.devices.has(id)));
    const readings = new Map(this.#readings.map((one) => [one.netns, one]));
    while (this.#round.length > 0 && performance.now() < until) {
      const netns = this.#round.shift();
      const devices = netns === undefined ? undefined : groups.get(netns);
      if (netns === undefined || !devices) continue;
      for (const [id, one] of await this.#lookInto(netns, devices, seen)) {
        const before = facts.get(id);
        facts.set(id, before && isDeepStrictEqual(before, one) ? before : one);
      }
      readings.set(netns, { netns, since, until: Date.now() / 1000 });
    }
    if (!this.#question.isOpen) return;
    this.#facts = facts;
    this.#readings = [...readings.values()].filter(({ netns }) => groups.has(netns));
    this.#frames.attach([...this.#noted.all(), this.#pinned]);
  }

  /** What was withheld while the tables were as they are now, and what was before. */
  #addedUp(id: bigint, table: BridgeTable): BridgeTable {
    const before = this.#facts.get(id)?.table;
    const withheld = sumsOf(before?.withheld, table.withheld);
    return { ...table, withheld, astray: sumsOf(before?.astray, table.astray) };
  }

  async #lookInto(netns: number, devices: readonly Walked[], seen: Seen): Promise<ReadonlyMap<bigint, Surroundings>> {
    try {
      const ifindices = devices.map(({ ifindex }) => ifindex);
      const tables = await readNamespace(await this.#paths.to(netns), ifindices, NAMESPACE_MS);
      const own = this.#frames.sinceBefore(seen.frames.filter((one) => one.netns === netns));
      this.#frames.watch(netns, new Set(ifindices), tables);
      for (const entry of [...tables.fdb.values()].flat())
        if (this.#pinned.size < MOST_PINNED && isPinned(entry, tables.links)) this.#pinned.add(entry.address);
      const found = new Map(devices.map((device) => [device.id, this.#surroundingsOf(device, tables, own, seen)]));
      this.#expect(netns, devices, tables);
      return found;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      this.#paths.forget(netns);
      const why = `the configuration of its namespace (${errno === 'EMSGSIZE' ? 'there are too many devices' : errno})`;
      return new Map(devices.map(({ id }) => [id, { redirects: [], strays: [], unread: [why] }]));
    }
  }

  #expect(netns: number, devices: readonly Walked[], tables: NamespaceTables): void {
    const { links } = tables;
    const ports = devices.filter(({ ifindex }) => links.get(links.get(ifindex)?.master ?? 0)?.bridge);
    const guests = ports.map(({ id, ifindex }) => [ifindex, this.#noted.of(id)] as const);
    this.#lost.expect(netns, {
      keys: guestKeys(new Map(guests), tables),
      hasTcEnds: hasTcEnds(tables),
      withXdp: [...links.values()].flatMap(({ ifindex, xdp, countsEnded }) =>
        xdp === 'native' && countsEnded ? [ifindex] : [],
      ),
    });
  }

  #surroundingsOf(
    { id, netns, ifindex }: Walked,
    tables: NamespaceTables,
    frames: readonly SeenFrames[],
    { lost, taken, knowsTaken, passed }: Seen,
  ): Surroundings {
    const { links, asked, ways } = tables;
    const { forwarding } = tables.reach;
    const link = links.get(ifindex);
    const nameOf = (index: number): string | undefined => links.get(index)?.name;
    const bridge = links.get(link?.master ?? 0);
    const fdb = tables.fdb.get(bridge?.ifindex ?? 0);
    const keys = keysOf(ifindex, tables);
    const own = lost.filter((one) => one.netns === netns && keys.includes(one.to));
    const itsLost = bridge?.bridge ? own.filter((one) => !isCopyForOthers(one)) : own;
    const unread = [...tables.unread];
    if (bridge?.bridge && this.#frames.refused !== undefined)
      unread.push(`the frames that come to its bridge (${this.#frames.refused})`);
    if (this.#lost.refused !== undefined)
      unread.push(`packets for it that are freed elsewhere on the host (${this.#lost.refused})`);
    if (!knowsTaken && hasTcEnds(tables)) unread.push('packets that tc filters take (counted from now on: ask again)');
    let table: Surroundings['table'];
    if (link && bridge?.bridge && fdb) {
      const inBridge = frames.filter(
        ({ port }) => port === bridge.ifindex || links.get(port)?.master === bridge.ifindex,
      );
      const port = { link, remembered: this.#noted.of(id), frames: inBridge };
      const all = { links, bridge, fdb, mdb: tables.mdb, vlans: tables.vlans };
      this.#noted.add(id, guestAddresses(port, all));
      table = this.#addedUp(id, bridgeTableOf(port, all));
    }
    return {
      ...(link?.tun?.owner !== undefined && { owner: link.tun.owner }),
      ...(link?.tun?.group !== undefined && { group: link.tun.group }),
      ...((forwarding.byAll || forwarding.devices.has(ifindex)) && { forwards: true }),
      redirects: redirectsOf(ifindex, tables),
      silentEnds: silentEndsOf(ifindex, tables, {
        taken: taken?.filter((one) => one.netns === netns),
        passed: new Map(passed.flatMap((one) => (one.netns === netns ? [[one.ifindex, one.frames]] : []))),
        isKnown: this.#noted.of(id).size > 0 || tables.networks.some((one) => one.ifindex === ifindex),
      }),
      strays: straysOf(ifindex, asked.get(ifindex) ?? [], ways, nameOf),
      backlogs: backlogsIn(tables),
      foreignSources: tables.foreignSources.filter(({ from }) => isBehind(from, ifindex, tables)),
      lost: this.#ownLost.since(id, itsLost).map((one) => lossOf(one, links.get(one.at))),
      ...(table && { table }),
      ...(link?.idlePortOf && { portOf: link.idlePortOf }),
      refusedSends: countersOf(tables.refusedSends),
      unserved: countersOf(tables.unserved),
      unsent: unsentIn(tables),
      unread,
    };
  }
}

/** A host with thousands of devices has few that fail. */
const MOST_UNSENT = 64;

function unsentIn({ links }: NamespaceTables): readonly CountedPackets[] {
  const failing = [...links.values()].filter(({ unsent, tun }) => unsent > 0 && !tun);
  return failing.slice(0, MOST_UNSENT).map(({ name, unsent }) => ({ counter: name, packets: unsent }));
}

/** The host knows it as a neighbour there, or has its network there. */
function isBehind(address: string, ifindex: number, { asked, networks }: NamespaceTables): boolean {
  const isNeighbour = asked.get(ifindex)?.some((one) => one.isNeighbour && one.address === address);
  return isNeighbour || ownerOf(address, networks) === ifindex;
}

function countersOf(counts: Readonly<Record<string, number>>): readonly CountedPackets[] {
  return Object.entries(counts).map(([counter, packets]) => ({ counter, packets }));
}

interface Seen {
  readonly frames: readonly SeenFrames[];
  readonly lost: readonly GuestLoss[];
  readonly taken: readonly TakenPackets[] | undefined;
  readonly knowsTaken: boolean;
  readonly passed: ReturnType<LostForGuests['readPassed']>;
}

function lossOf({ reason, location, packets }: GuestLoss, at: TopologyLink | undefined): LostOnTheWay {
  const { name: device, idlePortOf: portOf } = at ?? { name: 'a device that is gone' };
  return { reason, location, packets, device, ...(portOf && { portOf }) };
}

/** A bridge floods what it does not know, and others throw their copies away: in ip_rcv_core() and its like, before Linux 5.17 without a reason. */
function isCopyForOthers({ reason, location }: GuestLoss): boolean {
  return reason === 'OTHERHOST' || (reason === 'NOT_SPECIFIED' && /^ip(v6|6)?_rcv(_core)?$/.test(location));
}

function sumsOf<Frames extends WithheldFrames | AstrayFrames>(
  before: readonly Frames[] = [],
  now: readonly Frames[] = [],
): readonly Frames[] {
  const sums = new Map(before.map((one) => [keyOf(one), one]));
  for (const one of now) {
    const packets = one.packets + (sums.get(keyOf(one))?.packets ?? 0);
    if (packets > 0) sums.set(keyOf(one), { ...one, packets });
  }
  return [...sums.values()].slice(0, MOST_WITHHELD);
}

function keyOf({ packets: _, ...frames }: WithheldFrames | AstrayFrames): string {
  return Object.values(frames).join(' ');
}

function open(parts: Parts): OpenSubject {
  const watch = new Watch(parts);
  const shown = new Map<bigint, Surroundings | undefined>();
  return {
    see: (walked) => {
      watch.devices.set(walked.id, walked);
      shown.set(walked.id, watch.of(walked.id));
      return undefined;
    },
    isAsSeen: ({ id }) => shown.get(id) === watch.of(id),
    device: ({ walked: { id } }) => {
      const surroundings = shown.get(id);
      return surroundings ? { surroundings } : {};
    },
    agent: () => {
      const { readings } = watch;
      return readings ? { surroundingsRead: readings } : {};
    },
    refresh: () => watch.refresh(),
    keepOnly: (present) => {
      for (const id of shown.keys()) if (!present.has(id)) shown.delete(id);
      watch.forget(present);
    },
  };
}

export const surroundings: Subject = { name: 'surroundings', events: [], open };
