// SPDX-License-Identifier: Apache-2.0
// Routes and neighbours of a namespace, by rtnetlink, and which way the kernel would send a packet.
import { isIPv4 } from 'node:net';
import { errnoOf } from './error-name.ts';
import { netlinkRequest } from './native.ts';
import {
  filteredDumpRequest,
  getRequest,
  integer,
  type Message,
  macText,
  messagesOf,
  u16,
  u32,
} from './netlink-message.ts';

type Family = 'ipv4' | 'ipv6';

export interface Route {
  readonly family: Family;
  /** As bytes; of a default route all zero. */
  readonly network: Uint8Array;
  readonly bits: number;
  readonly type: RouteType;
  /** undefined: it leads nowhere, or by several ways. */
  readonly device: number | undefined;
}

/** RTN_…, those that lead somewhere or end a packet. */
type RouteType = 'unicast' | 'local' | 'broadcast' | 'blackhole' | 'unreachable' | 'prohibit' | 'other';

export interface Neighbour {
  readonly device: number;
  readonly address: string;
  /** undefined: it has none, or it is not one of Ethernet. */
  readonly mac: string | undefined;
  /** It answered, or was written by hand: it is there. */
  readonly isKnown: boolean;
}

/** Which way a packet would go. */
export interface Way {
  readonly type: RouteType;
  readonly device: number | undefined;
}

// linux/rtnetlink.h, linux/neighbour.h: stable ABI
const AF_INET = 2;
const AF_INET6 = 10;
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;
const RTM_NEWNEIGH = 28;
const RTM_GETNEIGH = 30;
const RTMSG_SIZE = 12;
const NDMSG_SIZE = 12;
const RTA_DST = 1;
const RTA_OIF = 4;
const NDA_DST = 1;
const NDA_LLADDR = 2;
const TYPES: Readonly<Record<number, RouteType>> = {
  1: 'unicast',
  2: 'local',
  3: 'broadcast',
  6: 'blackhole',
  7: 'unreachable',
  8: 'prohibit',
};
/** NUD_REACHABLE, STALE, DELAY, PROBE, PERMANENT: its address is known. */
const NUD_KNOWN = 0x02 | 0x04 | 0x08 | 0x10 | 0x80;
const NUMBERS = { ipv4: AF_INET, ipv6: AF_INET6 } as const;
const BYTES = { ipv4: 4, ipv6: 16 } as const;

/** All tables: those that no rule leads to are among them. */
export async function readRoutes(
  netnsPath: string | undefined,
  family: Family,
  mostBytes: number,
): Promise<readonly Route[]> {
  const request = filteredDumpRequest(RTM_GETROUTE, RTMSG_SIZE, firstBytes(NUMBERS[family]));
  return parseRoutes(await netlinkRequest(netnsPath, request, mostBytes));
}

export async function readNeighbours(
  netnsPath: string | undefined,
  family: Family,
  mostBytes: number,
): Promise<readonly Neighbour[]> {
  const request = filteredDumpRequest(RTM_GETNEIGH, NDMSG_SIZE, firstBytes(NUMBERS[family]));
  return parseNeighbours(await netlinkRequest(netnsPath, request, mostBytes));
}

/** As `ip route get`: by all rules and tables, of a packet that the host itself sends. */
export async function readWay(netnsPath: string | undefined, address: string, mostBytes: number): Promise<Way> {
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  const bytes = addressBytes(address);
  const head = firstBytes(NUMBERS[family], bytes.length * 8);
  const request = getRequest(RTM_GETROUTE, RTMSG_SIZE, head, new Map([[RTA_DST, bytes]]));
  try {
    const [route] = parseRoutes(await netlinkRequest(netnsPath, request, mostBytes));
    return { type: route?.type ?? 'other', device: route?.device };
  } catch (error) {
    const type = ENDS[errnoOf(error) ?? ''];
    if (type === undefined) throw error;
    return { type, device: undefined };
  }
}

/** The answer to a sender whose packet ends at the route (fib_props of the kernel), or that has none. */
const ENDS: Readonly<Record<string, RouteType>> = {
  EINVAL: 'blackhole',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EACCES: 'prohibit',
};

function firstBytes(family: number, bits = 0): Readonly<Record<number, number>> {
  return { 0: new Uint32Array(Uint8Array.of(family, bits, 0, 0).buffer)[0] ?? 0 };
}

export function parseRoutes(reply: Uint8Array): readonly Route[] {
  return messagesOf(reply, RTM_NEWROUTE, RTMSG_SIZE).flatMap(routeOf);
}

/** struct rtmsg: family, length of the destination, …, the type at 7. */
function routeOf({ body, attributes }: Message): readonly Route[] {
  const family = familyOf(body.getUint8(0));
  if (!family) return [];
  const destination = attributes.get(RTA_DST);
  return [
    {
      family,
      network: destination?.byteLength === BYTES[family] ? bytesOf(destination) : new Uint8Array(BYTES[family]),
      bits: body.getUint8(1),
      type: TYPES[body.getUint8(7)] ?? 'other',
      device: integer(attributes.get(RTA_OIF)),
    },
  ];
}

export function parseNeighbours(reply: Uint8Array): readonly Neighbour[] {
  return messagesOf(reply, RTM_NEWNEIGH, NDMSG_SIZE).flatMap(({ body, attributes }) => {
    const family = familyOf(body.getUint8(0));
    const destination = attributes.get(NDA_DST);
    if (!family || destination?.byteLength !== BYTES[family]) return [];
    return [
      {
        device: u32(body, 4),
        address: addressText(bytesOf(destination)),
        mac: macText(attributes.get(NDA_LLADDR)),
        isKnown: (u16(body, 8) & NUD_KNOWN) !== 0,
      },
    ];
  });
}

function familyOf(number: number): Family | undefined {
  return number === AF_INET ? 'ipv4' : number === AF_INET6 ? 'ipv6' : undefined;
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** '10.71.8.2', 'fe80:0:0:0:0:0:0:1' */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: 8 }, (_, index) => view.getUint16(2 * index).toString(16)).join(':');
}

/** Of a text that addressText() made. */
export function addressBytes(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split('.').map(Number));
  const words = address.split(':').map((word) => Number.parseInt(word, 16));
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]));
}
