// SPDX-License-Identifier: Apache-2.0
// How the devices of a namespace hang together, by rtnetlink: bridges and their ports, and who may attach to a tun or tap.
import { netlinkRequest } from './native.ts';
import { integer, type Message, macText, messagesOf, nested, text, u32, u64 } from './netlink-message.ts';
import { linkDumpRequest } from './rtnetlink.ts';

export interface TopologyLink {
  readonly ifindex: number;
  readonly name: string;
  /** Its MAC address. */
  readonly address: string | undefined;
  readonly isUp: boolean;
  readonly hasCarrier: boolean;
  /** What comes in by another device can be redirected to it, to be shaped (IFB). */
  readonly isIfb: boolean;
  /** It throws away what is sent to it: a dummy device all, an IFB what no filter redirects to it. */
  readonly discards: 'dummy' | 'ifb' | undefined;
  /** An XDP program sees what comes in by it: native, before there is a packet that could be freed. */
  readonly xdp: 'native' | 'generic' | undefined;
  /** `received` has the frames that a native program ended: of drivers in hardware nobody knows. */
  readonly countsEnded: boolean;
  /** Packets that came in by it, those that XDP or tc ended too. */
  readonly received: number;
  /** Packets that it was given and did not send, by its own counters (tx_errors, tx_dropped). */
  readonly unsent: number;
  /** ifindex of the bridge, bond or team that it is a port of. */
  readonly master: number | undefined;
  /** The kind of the bond or team that it is a port of, if it is not known to be an active one: of a team that is not told here. */
  readonly idlePortOf: 'bond' | 'team' | undefined;
  /** ifindex of the device below a VLAN, macvlan or tunnel, if that is in the same namespace. */
  readonly lower: number | undefined;
  /** undefined: it is no bridge. */
  readonly bridge: BridgeSettings | undefined;
  /** undefined: it is no port of a bridge. */
  readonly port: PortSettings | undefined;
  /** undefined: it is no macvlan or macvtap. */
  readonly macvlan: MacvlanSettings | undefined;
  /** undefined: it is no tun or tap. */
  readonly tun: Attachable | undefined;
}

/** undefined: nobody was named, so that a program needs CAP_NET_ADMIN since Linux 7.3.3 and 6.12.117, and nothing before. */
interface Attachable {
  readonly owner: number | undefined;
  readonly group: number | undefined;
}

interface MacvlanSettings {
  readonly mode: 'private' | 'vepa' | 'bridge' | 'passthru' | 'source';
  /** In passthru the device below takes frames for every address, unless it was told not to (nopromisc). */
  readonly takesAll: boolean;
}

interface BridgeSettings {
  readonly filtersVlans: boolean;
  /** By the last four bits of 01:80:c2:00:00:0x: frames that it forwards, and does not keep (group_fwd_mask). */
  readonly forwardedGroups: number;
  readonly snoops: boolean;
  /** Sends queries itself. */
  readonly queries: boolean;
  /** Somebody queries, by protocol; undefined: older than Linux 5.15. */
  readonly querier: { readonly ipv4: boolean; readonly ipv6: boolean } | undefined;
}

interface PortSettings {
  readonly forwards: boolean;
  readonly floodsMulticast: boolean;
  readonly floodsBroadcast: boolean;
  /** The bridge answers ARP and neighbour discovery in the place of those behind it. */
  readonly answersForOthers: boolean;
  /** Only addresses that a program wrote may send (802.1X). */
  readonly isLocked: boolean;
  /** As the bridge's, of frames that come in by it. */
  readonly forwardedGroups: number;
}

// linux/if_link.h, linux/if_tun.h, linux/if_bridge.h: stable ABI
const RTM_NEWLINK = 16;
const IFINFOMSG_SIZE = 16;
const IFF_UP = 1;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_STATS64 = 23;
const TX_ERRORS = 40;
const TX_DROPPED = 56;
const IFLA_CARRIER = 33;
const IFLA_LINK_NETNSID = 37;
const IFLA_XDP = 43;
const IFLA_XDP_ATTACHED = 2;
const XDP_ATTACHED_SKB = 2;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_INFO_SLAVE_KIND = 4;
const IFLA_INFO_SLAVE_DATA = 5;
const IFLA_MACVLAN_MODE = 1;
const IFLA_MACVLAN_FLAGS = 2;
const MACVLAN_FLAG_NOPROMISC = 1;
const IFLA_TUN_OWNER = 1;
const IFLA_TUN_GROUP = 2;
const IFLA_BR_GROUP_FWD_MASK = 9;
const IFLA_BR_VLAN_FILTERING = 7;
const IFLA_BR_MCAST_SNOOPING = 23;
const IFLA_BR_MCAST_QUERIER = 25;
const IFLA_BR_MCAST_QUERIER_STATE = 47;
const BRIDGE_QUERIER_IP_ADDRESS = 1;
const BRIDGE_QUERIER_IPV6_ADDRESS = 5;
const IFLA_VXLAN_LINK = 3;
const IFLA_BOND_SLAVE_STATE = 1;
const BOND_STATE_ACTIVE = 0;
const IFLA_BRPORT_STATE = 1;
const BR_STATE_FORWARDING = 3;
const IFLA_BRPORT_MCAST_FLOOD = 27;
const IFLA_BRPORT_BCAST_FLOOD = 30;
const IFLA_BRPORT_GROUP_FWD_MASK = 31;
const IFLA_BRPORT_NEIGH_SUPPRESS = 32;
const IFLA_BRPORT_LOCKED = 39;

export async function readTopology(
  netnsPath: string | undefined,
  mostBytes: number,
): Promise<ReadonlyMap<number, TopologyLink>> {
  return parseTopology(await netlinkRequest(netnsPath, linkDumpRequest(), mostBytes));
}

export function parseTopology(reply: Uint8Array): ReadonlyMap<number, TopologyLink> {
  return new Map(
    messagesOf(reply, RTM_NEWLINK, IFINFOMSG_SIZE).map((message) => [u32(message.body, 4), linkOf(message)]),
  );
}

function linkOf({ body, attributes }: Message): TopologyLink {
  const info = nested(attributes.get(IFLA_LINKINFO));
  const kind = text(info.get(IFLA_INFO_KIND));
  const stats = attributes.get(IFLA_STATS64);
  const portKind = text(info.get(IFLA_INFO_SLAVE_KIND));
  return {
    ifindex: u32(body, 4),
    name: text(attributes.get(IFLA_IFNAME)) ?? '',
    address: macText(attributes.get(IFLA_ADDRESS)),
    isUp: (u32(body, 8) & IFF_UP) !== 0,
    hasCarrier: integer(attributes.get(IFLA_CARRIER)) !== 0,
    isIfb: kind === 'ifb',
    discards: kind === 'dummy' || kind === 'ifb' ? kind : undefined,
    xdp: xdpOf(integer(nested(attributes.get(IFLA_XDP)).get(IFLA_XDP_ATTACHED)) ?? 0),
    countsEnded: kind === 'veth',
    received: stats ? u64(stats, 0) : 0,
    unsent: stats ? u64(stats, TX_ERRORS) + u64(stats, TX_DROPPED) : 0,
    master: integer(attributes.get(IFLA_MASTER)),
    idlePortOf: idlePort(portKind, info.get(IFLA_INFO_SLAVE_DATA)),
    lower: lowerOf(attributes, kind, info.get(IFLA_INFO_DATA)),
    bridge: kind === 'bridge' ? bridgeOf(info.get(IFLA_INFO_DATA)) : undefined,
    port: portKind === 'bridge' ? portOf(info.get(IFLA_INFO_SLAVE_DATA)) : undefined,
    macvlan: kind === 'macvtap' || kind === 'macvlan' ? macvlanOf(info.get(IFLA_INFO_DATA)) : undefined,
    tun: kind === 'tun' ? attachableOf(info.get(IFLA_INFO_DATA)) : undefined,
  };
}

function xdpOf(attached: number): TopologyLink['xdp'] {
  if (attached === 0) return undefined;
  return attached === XDP_ATTACHED_SKB ? 'generic' : 'native';
}

function idlePort(kind: string | undefined, data: DataView | undefined): TopologyLink['idlePortOf'] {
  if (kind === 'team') return kind;
  return kind === 'bond' && integer(nested(data).get(IFLA_BOND_SLAVE_STATE)) !== BOND_STATE_ACTIVE ? kind : undefined;
}

/** The other end of a pair is not below it. */
const PAIRS: readonly (string | undefined)[] = ['veth', 'netkit', 'vxcan'];

function lowerOf(
  attributes: Message['attributes'],
  kind: string | undefined,
  data: DataView | undefined,
): number | undefined {
  if (kind === 'vxlan') return integer(nested(data).get(IFLA_VXLAN_LINK));
  if (PAIRS.includes(kind) || attributes.has(IFLA_LINK_NETNSID)) return undefined;
  return integer(attributes.get(IFLA_LINK)) || undefined;
}

function attachableOf(data: DataView | undefined): Attachable {
  const found = nested(data);
  return { owner: integer(found.get(IFLA_TUN_OWNER)), group: integer(found.get(IFLA_TUN_GROUP)) };
}

/** By the bit of enum macvlan_mode. */
const MACVLAN_MODES = new Map([
  [1, 'private'],
  [2, 'vepa'],
  [4, 'bridge'],
  [8, 'passthru'],
  [16, 'source'],
] as const);

function macvlanOf(data: DataView | undefined): MacvlanSettings | undefined {
  const found = nested(data);
  const mode = MACVLAN_MODES.get((integer(found.get(IFLA_MACVLAN_MODE)) ?? 0) as 1);
  const refusesAll = ((integer(found.get(IFLA_MACVLAN_FLAGS)) ?? 0) & MACVLAN_FLAG_NOPROMISC) !== 0;
  return mode && { mode, takesAll: mode === 'passthru' && !refusesAll };
}

function bridgeOf(data: DataView | undefined): BridgeSettings {
  const found = nested(data);
  const state = found.get(IFLA_BR_MCAST_QUERIER_STATE);
  const querier = nested(state);
  return {
    filtersVlans: integer(found.get(IFLA_BR_VLAN_FILTERING)) === 1,
    forwardedGroups: integer(found.get(IFLA_BR_GROUP_FWD_MASK)) ?? 0,
    snoops: integer(found.get(IFLA_BR_MCAST_SNOOPING)) === 1,
    queries: integer(found.get(IFLA_BR_MCAST_QUERIER)) === 1,
    querier: state && {
      ipv4: querier.has(BRIDGE_QUERIER_IP_ADDRESS),
      ipv6: querier.has(BRIDGE_QUERIER_IPV6_ADDRESS),
    },
  };
}

function portOf(data: DataView | undefined): PortSettings {
  const found = nested(data);
  return {
    forwards: integer(found.get(IFLA_BRPORT_STATE)) === BR_STATE_FORWARDING,
    floodsMulticast: integer(found.get(IFLA_BRPORT_MCAST_FLOOD)) !== 0,
    floodsBroadcast: integer(found.get(IFLA_BRPORT_BCAST_FLOOD)) !== 0,
    answersForOthers: integer(found.get(IFLA_BRPORT_NEIGH_SUPPRESS)) === 1,
    isLocked: integer(found.get(IFLA_BRPORT_LOCKED)) === 1,
    forwardedGroups: integer(found.get(IFLA_BRPORT_GROUP_FWD_MASK)) ?? 0,
  };
}
