// SPDX-License-Identifier: Apache-2.0
// Links and qdiscs of a network namespace, by rtnetlink.
import { netlinkRequest } from './native.ts';
import { dumpRequest, integer, type Message, messagesOf, nested, text, u32, u64 } from './netlink-message.ts';

/** What `ip -d -s link` shows of a device. */
export interface Link {
  readonly ifindex: number;
  /** Bytes that are no UTF-8 are read as Latin-1, so that any name is told from any other. */
  readonly name: string;
  /** IFF_… */
  readonly flags: number;
  /** Packets; of a tun device the capacity of each queue's ring. */
  readonly txqlen: number;
  readonly operstate: string;
  /** Kind of the root qdisc: 'noqueue', 'mq'. */
  readonly qdisc: string | undefined;
  /** Kind of a virtual device: 'tun' (taps too), 'veth'; undefined for hardware and loopback. */
  readonly kind: string | undefined;
  readonly tun: TunLink | undefined;
  readonly stats64: LinkStats;
}

interface TunLink {
  readonly type: 'tun' | 'tap';
  readonly multiQueue: boolean;
  /** Attached and enabled, and attached but disabled; the kernel tells of multi-queue devices only. */
  readonly numQueues: number | undefined;
  readonly numDisabledQueues: number | undefined;
  readonly vnetHdr: boolean;
  readonly persist: boolean;
  /** User id that may attach. */
  readonly owner: number | undefined;
}

/** struct rtnl_link_stats64, as the device's driver fills it; counters since the device exists, exact up to 2^53. */
interface LinkStats {
  readonly rxPackets: number;
  readonly txPackets: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxDropped: number;
  readonly txDropped: number;
}

export interface Qdisc {
  readonly ifindex: number;
  /** 0xMAJORMINOR, as in `tc`: 0x80010000 is 8001:0. */
  readonly handle: number;
  /** 0xffffffff is the root; else the class that it hangs below. */
  readonly parent: number;
  readonly kind: string;
  readonly stats: QdiscStats;
}

/** struct gnet_stats_basic and gnet_stats_queue. Only `bytes` and `packets` have 64 bits in the kernel. */
interface QdiscStats {
  readonly bytes: number;
  readonly packets: number;
  readonly drops: number;
  readonly overlimits: number;
  readonly requeues: number;
  /** Packets waiting. */
  readonly qlen: number;
  /** Bytes waiting. */
  readonly backlog: number;
}

// linux/rtnetlink.h, linux/if_link.h, linux/gen_stats.h: stable ABI, each list in the kernel's order
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWQDISC = 36;
const RTM_GETQDISC = 38;
const IFLA_IFNAME = 3;
const IFLA_QDISC = 6;
const IFLA_TXQLEN = 13;
const IFLA_OPERSTATE = 16;
const IFLA_LINKINFO = 18;
const IFLA_STATS64 = 23;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_TUN_OWNER = 1;
const IFLA_TUN_TYPE = 3;
const IFLA_TUN_VNET_HDR = 5;
const IFLA_TUN_PERSIST = 6;
const IFLA_TUN_MULTI_QUEUE = 7;
const IFLA_TUN_NUM_QUEUES = 8;
const IFLA_TUN_NUM_DISABLED_QUEUES = 9;
const TCA_KIND = 1;
const TCA_STATS2 = 7;
const TCA_STATS_BASIC = 1;
const TCA_STATS_QUEUE = 3;
const TCA_STATS_PKT64 = 8;

/** IFLA_TUN_TYPE; the other one is IFF_TUN. */
const IFF_TAP = 2;

/** struct ifinfomsg and struct tcmsg: both have the ifindex at 4. */
const IFINFOMSG_SIZE = 16;
const TCMSG_SIZE = 20;

const OPERSTATES = ['unknown', 'notpresent', 'down', 'lowerlayerdown', 'testing', 'dormant', 'up'];

/** Devices of the namespace at `netnsPath`, or of the own one. */
export async function readLinks(netnsPath?: string): Promise<readonly Link[]> {
  return parseLinks(await netlinkRequest(netnsPath, linkDumpRequest()));
}

/** Qdiscs of all devices of the namespace at `netnsPath`, or of the own one. */
export async function readQdiscs(netnsPath?: string): Promise<readonly Qdisc[]> {
  return parseQdiscs(await netlinkRequest(netnsPath, qdiscDumpRequest()));
}

export function linkDumpRequest(): Uint8Array {
  return dumpRequest(RTM_GETLINK, IFINFOMSG_SIZE);
}

export function qdiscDumpRequest(): Uint8Array {
  return dumpRequest(RTM_GETQDISC, TCMSG_SIZE);
}

/** `reply`: what netlinkRequest() resolved with. */
export function parseLinks(reply: Uint8Array): readonly Link[] {
  return messagesOf(reply, RTM_NEWLINK, IFINFOMSG_SIZE).map(parseLink);
}

export function parseQdiscs(reply: Uint8Array): readonly Qdisc[] {
  return messagesOf(reply, RTM_NEWQDISC, TCMSG_SIZE).map(parseQdisc);
}

function parseLink({ body, attributes }: Message): Link {
  const info = nested(attributes.get(IFLA_LINKINFO));
  const kind = text(info.get(IFLA_INFO_KIND));
  return {
    ifindex: u32(body, 4),
    name: text(attributes.get(IFLA_IFNAME)) ?? '',
    flags: u32(body, 8),
    txqlen: integer(attributes.get(IFLA_TXQLEN)) ?? 0,
    operstate: OPERSTATES[integer(attributes.get(IFLA_OPERSTATE)) ?? 0] ?? 'unknown',
    qdisc: text(attributes.get(IFLA_QDISC)),
    kind,
    tun: kind === 'tun' ? parseTun(info.get(IFLA_INFO_DATA)) : undefined,
    stats64: parseLinkStats(attributes.get(IFLA_STATS64)),
  };
}

function parseTun(data: DataView | undefined): TunLink {
  const found = nested(data);
  return {
    type: integer(found.get(IFLA_TUN_TYPE)) === IFF_TAP ? 'tap' : 'tun',
    multiQueue: integer(found.get(IFLA_TUN_MULTI_QUEUE)) === 1,
    numQueues: integer(found.get(IFLA_TUN_NUM_QUEUES)),
    numDisabledQueues: integer(found.get(IFLA_TUN_NUM_DISABLED_QUEUES)),
    vnetHdr: integer(found.get(IFLA_TUN_VNET_HDR)) === 1,
    persist: integer(found.get(IFLA_TUN_PERSIST)) === 1,
    owner: integer(found.get(IFLA_TUN_OWNER)),
  };
}

function parseLinkStats(stats: DataView | undefined): LinkStats {
  const at = (index: number): number => (stats === undefined ? 0 : u64(stats, index * 8));
  return {
    rxPackets: at(0),
    txPackets: at(1),
    rxBytes: at(2),
    txBytes: at(3),
    rxDropped: at(6),
    txDropped: at(7),
  };
}

function parseQdisc({ body, attributes }: Message): Qdisc {
  return {
    ifindex: u32(body, 4),
    handle: u32(body, 8),
    parent: u32(body, 12),
    kind: text(attributes.get(TCA_KIND)) ?? '',
    stats: parseQdiscStats(attributes.get(TCA_STATS2)),
  };
}

function parseQdiscStats(stats: DataView | undefined): QdiscStats {
  const found = nested(stats);
  const basic = found.get(TCA_STATS_BASIC);
  // The kernel sends this only when the 32 bits of the basic counters do not suffice.
  const packets = found.get(TCA_STATS_PKT64);
  const queue = found.get(TCA_STATS_QUEUE);
  const queueAt = (index: number): number => (queue === undefined ? 0 : u32(queue, index * 4));
  return {
    bytes: basic === undefined ? 0 : u64(basic, 0),
    packets: packets !== undefined ? u64(packets, 0) : basic !== undefined ? u32(basic, 8) : 0,
    drops: queueAt(2),
    overlimits: queueAt(4),
    requeues: queueAt(3),
    qlen: queueAt(0),
    backlog: queueAt(1),
  };
}
