// SPDX-License-Identifier: Apache-2.0
// What a bridge does with frames for one of its ports, by its tables: the kernel's own decisions (br_handle_frame_finish, br_flood), which it counts nowhere.
import type { FdbEntry, Mdb, PortVlan } from '../../kernel/rtnetlink-bridge.ts';
import type { TopologyLink } from '../../kernel/rtnetlink-topology.ts';
import type { AstrayFrames, BridgeTable, MisplacedAddress, WithheldFrames } from '../../snapshot/surroundings.ts';
import type { SeenFrames } from './bridge-frames.ts';

export interface BridgeTables {
  readonly links: ReadonlyMap<number, TopologyLink>;
  readonly bridge: TopologyLink;
  readonly fdb: readonly FdbEntry[];
  readonly mdb: Mdb;
  /** By port; empty where the bridge filters none. */
  readonly vlans: ReadonlyMap<number, readonly PortVlan[]>;
}

export interface Port {
  readonly link: TopologyLink;
  /** Addresses that were behind it when the tables were read before. */
  readonly remembered: ReadonlySet<string>;
  /** Frames that came to its bridge since the tables were read before, and those who sent lately. */
  readonly frames: readonly SeenFrames[];
}

const BROADCAST = 'ff:ff:ff:ff:ff:ff';
/** 224.0.0.0/24, which the bridge floods whatever was reported, and ff02::1. */
const FLOODED_GROUP = /^(01:00:5e:00:00:..|33:33:00:00:00:01)$/;
const BETWEEN_NEIGHBOURS = /^01:80:c2:00:00:0(.)$/;
/** Its frames are freed by the bridge, which counts there; those of the spanning tree (0) are its own, or forwarded. */
const PAUSE_GROUP = 1;
const GROUP = /^(01:00:5e|33:33)/;
/** Of SSDP, SLP, mDNS, LLMNR, neighbour discovery and the like: most who ask get no answer. */
const ASKS_WHO_IS_THERE = /^(01:00:5e:7f:ff:f[ad]|33:33:(00:0[01]|ff):)/;
/** Of neighbour solicitations, for the last three bytes of an address: mostly those of the guest's MAC address. */
const SOLICITED = '33:33:ff:';

/** Addresses that the guest sends from, or has sent from, or that its host gave it. */
export function guestAddresses(port: Port, { fdb }: Pick<BridgeTables, 'fdb'>): ReadonlySet<string> {
  const there = fdb.filter((entry) => isAt(entry, port.link)).map(({ address }) => address);
  return new Set([...there, ...port.remembered, ...sendersOf(port)]);
}

/** The port's own address is there too, which is no guest's. */
function isAt({ port, address, origin }: FdbEntry, link: TopologyLink): boolean {
  return port === link.ifindex && (origin !== 'local' || address !== link.address);
}

function sendersOf({ link, frames }: Port): readonly string[] {
  return frames.filter(({ port, isSender }) => isSender && port === link.ifindex).map(({ address }) => address);
}

export function bridgeTableOf(port: Port, tables: BridgeTables): BridgeTable {
  const { link } = port;
  const own = tables.vlans.get(link.ifindex) ?? [];
  const guests = guestAddresses(port, tables);
  const pvid = pvidOf(own);
  const { filtersVlans } = tables.bridge.bridge ?? { filtersVlans: false };
  return {
    addresses: tables.fdb.filter((entry) => isAt(entry, link)).length,
    isLocked: link.port?.isLocked ?? false,
    ...(filtersVlans && { vlans: own.length }),
    ...(filtersVlans && pvid !== undefined && { pvid }),
    misplaced: misplacedIn(port, guests, tables),
    withheld: port.frames.flatMap((seen) => [
      ...withheldOf(seen, link, guests, tables),
      ...(guests.size === 0 ? pinned(seen, port, tables) : []),
    ]),
    astray: port.frames.flatMap((seen) => astrayOf(seen, link, tables)),
  };
}

function misplacedIn(
  port: Port,
  guests: ReadonlySet<string>,
  { fdb, links }: BridgeTables,
): readonly MisplacedAddress[] {
  const { ifindex } = port.link;
  const senders = new Set(sendersOf(port));
  const at = (address: string, place: number, how: MisplacedAddress['how']): readonly MisplacedAddress[] => {
    const name = links.get(place)?.name;
    return name === undefined ? [] : [{ address, port: name, how }];
  };
  return [...guests].flatMap((address) => {
    const twin = port.frames.find((one) => one.isSender && one.address === address && one.port !== ifindex);
    if (twin && senders.has(address)) return at(address, twin.port, 'twice');
    const entries = fdb.filter((entry) => entry.address === address);
    const local = entries.find(({ origin }) => origin === 'local');
    if (local) return at(address, local.port, 'local');
    const elsewhere = entries.find((entry) => entry.port !== ifindex);
    if (!elsewhere || entries.some((entry) => entry.port === ifindex)) return [];
    if (elsewhere.origin === 'learned') return senders.has(address) ? at(address, elsewhere.port, 'learned') : [];
    return at(address, elsewhere.port, 'static');
  });
}

/** Empty: the bridge sends these to the port, or they are not for it. */
function withheldOf(
  seen: SeenFrames,
  to: TopologyLink,
  guests: ReadonlySet<string>,
  tables: BridgeTables,
): readonly WithheldFrames[] {
  const from = tables.links.get(seen.port);
  if (!from || seen.isSender || seen.port === to.ifindex) return [];
  const isGroup = isToMany(seen.address);
  if (!isGroup && !guests.has(seen.address)) return [];
  // Of groups nobody knows whether the guest wants them.
  if (from.port?.forwards === false)
    return isGroup ? [] : [{ address: seen.address, vlan: 0, from: from.name, cause: 'closed', packets: seen.packets }];
  const vlan = vlanOf(seen, tables);
  const refused = vlan === undefined ? 'vlan-in' : allows(to, vlan, tables) ? undefined : 'vlan-out';
  // Any port may be without a VLAN that others have: only frames for this guest tell that it should not be.
  const byVlan = isGroup ? undefined : refused;
  if (isGroup && refused !== undefined) return [];
  const cause =
    byVlan ?? (isGroup ? groupCause(seen, vlan ?? 0, to, guests, tables) : unicastCause(seen, vlan ?? 0, to, tables));
  return cause === undefined
    ? []
    : [{ address: seen.address, vlan: vlan ?? seen.vlan, from: from.name, cause, packets: seen.packets }];
}

/** Nobody has sent by this port, and the address is nobody's who sends: it may be this one's guest's. */
function pinned(seen: SeenFrames, { link, frames }: Port, { fdb, links }: BridgeTables): readonly WithheldFrames[] {
  const { address, vlan, packets } = seen;
  const from = links.get(seen.port);
  const entry = fdb.find((one) => one.address === address && one.port !== link.ifindex);
  if (!from || !entry || !isPinned(entry, links) || seen.isSender || seen.port === link.ifindex) return [];
  if (frames.some((one) => one.isSender && one.address === address)) return [];
  return [{ address, vlan, from: from.name, cause: 'pinned', packets }];
}

/** A program wrote the address to the port of another tap. */
export function isPinned({ port, origin }: FdbEntry, links: BridgeTables['links']): boolean {
  return origin === 'static' && links.get(port)?.tun !== undefined;
}

/** Of frames that came in by the port. Those that the bridge drops outright are counted where it frees them. */
function astrayOf(seen: SeenFrames, from: TopologyLink, tables: BridgeTables): readonly AstrayFrames[] {
  if (seen.isSender || seen.port !== from.ifindex || from.port?.forwards === false) return [];
  const { address, packets } = seen;
  const { name } = tables.bridge;
  if (isKept(address, from, tables.bridge)) return [{ address, vlan: seen.vlan, cause: 'kept', port: name, packets }];
  const vlan = vlanOf(seen, tables);
  if (vlan === undefined) return [];
  const frames = { address, vlan, packets };
  if (!isToMany(address)) return toOneAstray(frames, from, tables);
  return [...notFlooded(frames, from, tables), ...unreported(frames, from, tables)];
}

type Sent = Pick<AstrayFrames, 'address' | 'vlan' | 'packets'>;

function toOneAstray(
  frames: Sent,
  { ifindex }: TopologyLink,
  { fdb, links, bridge }: BridgeTables,
): readonly AstrayFrames[] {
  const { address, vlan } = frames;
  if ([...links.values()].some((link) => link.address === address)) return [];
  const entries = fdb.filter((one) => one.address === address && one.vlan === vlan);
  const local = links.get(entries.find(({ origin }) => origin === 'local')?.port ?? 0)?.name;
  if (local !== undefined) return [{ ...frames, cause: 'host', port: local }];
  const learns = fdb.some(({ origin, port }) => origin === 'learned' && port !== ifindex);
  return learns && entries.length === 0 ? [{ ...frames, cause: 'unknown', port: bridge.name }] : [];
}

function notFlooded(frames: Sent, from: TopologyLink, tables: BridgeTables): readonly AstrayFrames[] {
  const { links, bridge } = tables;
  return [...links.values()]
    .filter(({ ifindex, master, port }) => master === bridge.ifindex && port?.forwards && ifindex !== from.ifindex)
    .filter((to) => allows(to, frames.vlan, tables) && !isFlooded(frames.address, to, bridge))
    .map((to) => ({ ...frames, cause: 'no-flood', port: to.name }));
}

/** Nobody else is known to listen, nor a router, and the bridge sends them to nobody. */
function unreported(frames: Sent, from: TopologyLink, { bridge, mdb }: BridgeTables): readonly AstrayFrames[] {
  const { address, vlan } = frames;
  const isLimited = GROUP.test(address) && snoops(bridge, address) && !FLOODED_GROUP.test(address);
  if (!isLimited || ASKS_WHO_IS_THERE.test(address)) return [];
  const members = mdb.entries.filter(
    (one) => one.bridge === bridge.ifindex && one.address === address && one.vlan === vlan,
  );
  const isHeard = [...members.map(({ port }) => port), ...mdb.routerPorts].some((port) => port !== from.ifindex);
  return isHeard ? [] : [{ ...frames, cause: 'unreported', port: bridge.name }];
}

/** Frames between neighbours are not forwarded but by group_fwd_mask (br_handle_frame). */
function isKept(address: string, { port }: TopologyLink, { bridge }: TopologyLink): boolean {
  const group = BETWEEN_NEIGHBOURS.exec(address)?.[1];
  if (group === undefined || !bridge) return false;
  const number = Number.parseInt(group, 16);
  return number > PAUSE_GROUP && (((bridge.forwardedGroups | (port?.forwardedGroups ?? 0)) >> number) & 1) === 0;
}

/** To a group that is not limited to those who reported it. */
function isFlooded(address: string, { port }: TopologyLink, bridge: TopologyLink): boolean {
  if (address === BROADCAST) return (port?.floodsBroadcast ?? true) || (port?.answersForOthers ?? false);
  const isOther = !GROUP.test(address) || (snoops(bridge, address) && !FLOODED_GROUP.test(address));
  return isOther || (port?.floodsMulticast ?? true);
}

function isToMany(address: string): boolean {
  return (Number.parseInt(address.slice(0, 2), 16) & 1) !== 0;
}

/** The VLAN in which the bridge handles a frame; 0: it filters none; undefined: it drops the frame. */
function vlanOf({ port, vlan }: SeenFrames, { bridge, vlans }: BridgeTables): number | undefined {
  if (!bridge.bridge?.filtersVlans) return 0;
  const allowed = vlans.get(port) ?? [];
  if (vlan === 0) return pvidOf(allowed);
  return allowed.some((one) => one.vlan === vlan) ? vlan : undefined;
}

function allows({ ifindex }: TopologyLink, vlan: number, { bridge, vlans }: BridgeTables): boolean {
  return !bridge.bridge?.filtersVlans || (vlans.get(ifindex) ?? []).some((one) => one.vlan === vlan);
}

function pvidOf(vlans: readonly PortVlan[]): number | undefined {
  return vlans.find(({ isPvid }) => isPvid)?.vlan;
}

function unicastCause(
  { address }: SeenFrames,
  vlan: number,
  to: TopologyLink,
  { fdb }: BridgeTables,
): WithheldFrames['cause'] | undefined {
  const entry = fdb.find((one) => one.address === address && one.vlan === vlan);
  // An address that is not known is flooded; rules that know the port's flags speak of that.
  return entry && (entry.port !== to.ifindex || entry.origin === 'local') ? 'elsewhere' : undefined;
}

function groupCause(
  { address, port }: SeenFrames,
  vlan: number,
  to: TopologyLink,
  guests: ReadonlySet<string>,
  { bridge, mdb }: BridgeTables,
): WithheldFrames['cause'] | undefined {
  const isFromHost = port === bridge.ifindex; // the host's own frames are flooded whatever the port's flags say
  if (address === BROADCAST) return isFromHost || (to.port?.floodsBroadcast ?? true) ? undefined : 'no-flood';
  if (!GROUP.test(address)) return undefined; // of a protocol between bridges
  const members = mdb.entries.filter(
    (one) => one.bridge === bridge.ifindex && one.address === address && one.vlan === vlan,
  );
  const isLimited = snoops(bridge, address) && !FLOODED_GROUP.test(address);
  if (!isLimited) return isFromHost || (to.port?.floodsMulticast ?? true) ? undefined : 'no-flood';
  if (members.some((one) => one.port === to.ifindex) || mdb.routerPorts.has(to.ifindex)) return undefined;
  // Others listen, and have said so: this guest does not.
  const isReported = members.some(({ isPermanent }) => !isPermanent);
  return isReported && !isSolicitation(address, guests) ? undefined : 'group';
}

/** Multicast goes only to ports that have reported the group: where somebody queries. */
function snoops({ bridge }: TopologyLink, address: string): boolean {
  if (!bridge?.snoops) return false;
  const { ipv4, ipv6 } = bridge.querier ?? { ipv4: bridge.queries, ipv6: bridge.queries };
  return address.startsWith('33:33') ? ipv6 : ipv4;
}

function isSolicitation(address: string, guests: ReadonlySet<string>): boolean {
  return (
    address.startsWith(SOLICITED) &&
    [...guests].some((guest) => guest.slice(SOLICITED.length) === address.slice(SOLICITED.length))
  );
}
