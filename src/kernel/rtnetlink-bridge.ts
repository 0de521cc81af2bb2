// SPDX-License-Identifier: Apache-2.0
// What bridges know, by rtnetlink: addresses (FDB), multicast groups (MDB), VLANs of ports.
import { netlinkRequest } from './native.ts';
import { filteredDumpRequest, integer, macText, messagesOf, repeated, u16, u32, u32Bytes } from './netlink-message.ts';

/** How an address came to a bridge: 'local' is a port's own, 'static' was written by a program, which no packet outdates. */
type FdbOrigin = 'learned' | 'static' | 'local';

export interface FdbEntry {
  /** ifindex of the port. */
  readonly port: number;
  /** '02:00:00:00:00:01' */
  readonly address: string;
  /** 0: the bridge filters none. */
  readonly vlan: number;
  readonly origin: FdbOrigin;
}

interface MdbEntry {
  /** ifindex of the bridge, and of the port: the bridge itself where the host listens. */
  readonly bridge: number;
  readonly port: number;
  /** As frames name it: '01:00:5e:01:02:03'. */
  readonly address: string;
  readonly vlan: number;
  /** Written by a program, and no report of a listener. */
  readonly isPermanent: boolean;
}

export interface Mdb {
  readonly entries: readonly MdbEntry[];
  /** ifindices of ports that multicast routers and queriers are behind. */
  readonly routerPorts: ReadonlySet<number>;
}

export interface PortVlan {
  readonly vlan: number;
  readonly isPvid: boolean;
  readonly isUntagged: boolean;
}

// linux/neighbour.h, linux/if_bridge.h, linux/if_link.h: stable ABI
const AF_BRIDGE = 7;
const RTM_NEWNEIGH = 28;
const RTM_GETNEIGH = 30;
const RTM_GETMDB = 86;
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const IFINFOMSG_SIZE = 16;
const NDMSG_SIZE = 12;
const BR_PORT_MSG_SIZE = 8;
const IFLA_MASTER = 10;
const IFLA_AF_SPEC = 26;
const IFLA_EXT_MASK = 29;
const IFLA_BRIDGE_VLAN_INFO = 2;
const RTEXT_FILTER_BRVLAN_COMPRESSED = 1 << 2;
const NDA_LLADDR = 2;
const NDA_VLAN = 5;
const NDA_MASTER = 9;
const NUD_NOARP = 0x40;
const NUD_PERMANENT = 0x80;
const MDBA_MDB = 1;
const MDBA_MDB_ENTRY = 1;
const MDBA_MDB_ENTRY_INFO = 1;
const MDBA_ROUTER = 2;
const MDBA_ROUTER_PORT = 1;
const MDB_PERMANENT = 1;
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
const BRIDGE_VLAN_INFO_PVID = 1 << 1;
const BRIDGE_VLAN_INFO_UNTAGGED = 1 << 2;
const BRIDGE_VLAN_INFO_RANGE_BEGIN = 1 << 3;
const BRIDGE_VLAN_INFO_RANGE_END = 1 << 4;

/** Addresses of one bridge. */
export async function readFdb(
  netnsPath: string | undefined,
  bridge: number,
  mostBytes: number,
): Promise<readonly FdbEntry[]> {
  // With the header of links, which the kernel has always taken; it ignores NDA_MASTER where the header is a neighbour's.
  const request = filteredDumpRequest(
    RTM_GETNEIGH,
    IFINFOMSG_SIZE,
    headerOf(AF_BRIDGE),
    new Map([[IFLA_MASTER, u32Bytes(bridge)]]),
  );
  return parseFdb(await netlinkRequest(netnsPath, request, mostBytes), bridge);
}

/** Groups of all bridges of the namespace. */
export async function readMdb(netnsPath: string | undefined, mostBytes: number): Promise<Mdb> {
  const request = filteredDumpRequest(RTM_GETMDB, BR_PORT_MSG_SIZE, headerOf(AF_BRIDGE));
  return parseMdb(await netlinkRequest(netnsPath, request, mostBytes));
}

/** VLANs by the ifindex of the port, or of the bridge itself. */
export async function readPortVlans(
  netnsPath: string | undefined,
  mostBytes: number,
): Promise<ReadonlyMap<number, readonly PortVlan[]>> {
  const request = filteredDumpRequest(
    RTM_GETLINK,
    IFINFOMSG_SIZE,
    headerOf(AF_BRIDGE),
    new Map([[IFLA_EXT_MASK, u32Bytes(RTEXT_FILTER_BRVLAN_COMPRESSED)]]),
  );
  return parsePortVlans(await netlinkRequest(netnsPath, request, mostBytes));
}

/** The first byte of the header is the family; the three behind it are padding, or zero in a request. */
function headerOf(family: number): Readonly<Record<number, number>> {
  return { 0: new Uint32Array(Uint8Array.of(family, 0, 0, 0).buffer)[0] ?? 0 };
}

export function parseFdb(reply: Uint8Array, bridge: number): readonly FdbEntry[] {
  const found: FdbEntry[] = [];
  for (const { body, attributes } of messagesOf(reply, RTM_NEWNEIGH, NDMSG_SIZE)) {
    const address = macText(attributes.get(NDA_LLADDR));
    // Entries of a port's own device (`self`) have no master.
    if (address === undefined || integer(attributes.get(NDA_MASTER)) !== bridge) continue;
    const state = u16(body, 8);
    found.push({
      port: u32(body, 4),
      address,
      vlan: integer(attributes.get(NDA_VLAN)) ?? 0,
      origin: (state & NUD_PERMANENT) !== 0 ? 'local' : (state & NUD_NOARP) !== 0 ? 'static' : 'learned',
    });
  }
  return found;
}

export function parseMdb(reply: Uint8Array): Mdb {
  const entries: MdbEntry[] = [];
  const routerPorts = new Set<number>();
  // The kernel answers a dump with messages of the request's own type.
  for (const { body, attributes } of messagesOf(reply, RTM_GETMDB, BR_PORT_MSG_SIZE)) {
    const bridge = u32(body, 4);
    for (const group of repeated(attributes.get(MDBA_MDB), MDBA_MDB_ENTRY))
      for (const entry of repeated(group, MDBA_MDB_ENTRY_INFO)) entries.push(mdbEntry(bridge, entry));
    for (const port of repeated(attributes.get(MDBA_ROUTER), MDBA_ROUTER_PORT)) routerPorts.add(u32(port, 0));
  }
  return { entries, routerPorts };
}

/** struct br_mdb_entry: ifindex, state, flags, vid, 16 bytes of the group, its protocol in network order. */
function mdbEntry(bridge: number, entry: DataView): MdbEntry {
  const protocol = entry.byteLength >= 26 ? entry.getUint16(24) : 0;
  return {
    bridge,
    port: u32(entry, 0),
    address: groupAddress(entry, protocol),
    vlan: u16(entry, 6),
    isPermanent: entry.getUint8(4) === MDB_PERMANENT,
  };
}

/** The address of frames to the group: RFC 1112 for IPv4, RFC 2464 for IPv6. */
function groupAddress(entry: DataView, protocol: number): string {
  const byte = (index: number): number => entry.getUint8(8 + index);
  if (protocol === ETH_P_IP) return hex([0x01, 0x00, 0x5e, byte(1) & 0x7f, byte(2), byte(3)]);
  if (protocol === ETH_P_IPV6) return hex([0x33, 0x33, byte(12), byte(13), byte(14), byte(15)]);
  return hex(Array.from({ length: 6 }, (_, index) => byte(index)));
}

export function parsePortVlans(reply: Uint8Array): ReadonlyMap<number, readonly PortVlan[]> {
  const ports = new Map<number, readonly PortVlan[]>();
  for (const { body, attributes } of messagesOf(reply, RTM_NEWLINK, IFINFOMSG_SIZE))
    ports.set(u32(body, 4), vlansOf(repeated(attributes.get(IFLA_AF_SPEC), IFLA_BRIDGE_VLAN_INFO)));
  return ports;
}

function vlansOf(infos: readonly DataView[]): readonly PortVlan[] {
  const found: PortVlan[] = [];
  let first: number | undefined;
  for (const info of infos) {
    const [flags, vlan] = [u16(info, 0), u16(info, 2)];
    if ((flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) !== 0) {
      first = vlan;
      continue;
    }
    const from = (flags & BRIDGE_VLAN_INFO_RANGE_END) !== 0 ? (first ?? vlan) : vlan;
    for (let one = from; one <= vlan; one++)
      found.push({
        vlan: one,
        isPvid: (flags & BRIDGE_VLAN_INFO_PVID) !== 0,
        isUntagged: (flags & BRIDGE_VLAN_INFO_UNTAGGED) !== 0,
      });
  }
  return found;
}

function hex(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
