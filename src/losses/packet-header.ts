// SPDX-License-Identifier: Apache-2.0
// Whose a packet is, from the first bytes at its network header: addresses, ports, and what kind of packet it is.
import type { PacketFlow } from '../snapshot/losses.ts';

const ETHER_TYPES: Readonly<Record<number, string>> = {
  2054: 'ARP',
  34525: 'IPv6',
  2048: 'IPv4',
  34888: 'MPLS',
  34915: 'PPPoE discovery',
  34916: 'PPPoE',
  34958: 'EAPOL',
  35020: 'LLDP',
  35045: 'MACsec',
};
const VLAN_TYPES = [0x8100, 0x88a8];
const IP_PROTOCOLS: Readonly<Record<number, string>> = {
  0: 'hop-by-hop options',
  1: 'ICMP',
  2: 'IGMP',
  4: 'IP in IP',
  6: 'TCP',
  17: 'UDP',
  41: 'IPv6 in IP',
  47: 'GRE',
  50: 'ESP',
  51: 'AH',
  58: 'ICMPv6',
  89: 'OSPF',
  103: 'PIM',
  112: 'VRRP',
  132: 'SCTP',
  136: 'UDP-Lite',
};
const WITH_PORTS = ['TCP', 'UDP', 'SCTP', 'UDP-Lite'];
/** Hop-by-hop, routing, destination options: followed by another header, their length in units of 8 bytes beyond the first. */
const IPV6_OPTIONS = [0, 43, 60];
const IPV6_FRAGMENT = 44;
const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'];
const ICMP_TYPES: Readonly<Record<number, string>> = {
  0: 'echo reply',
  3: 'unreachable',
  5: 'redirect',
  8: 'echo request',
  11: 'time exceeded',
};
const ICMPV6_TYPES: Readonly<Record<number, string>> = {
  1: 'unreachable',
  2: 'packet too big',
  3: 'time exceeded',
  128: 'echo request',
  129: 'echo reply',
  133: 'router solicitation',
  134: 'router advertisement',
  135: 'neighbour solicitation',
  136: 'neighbour advertisement',
  143: 'multicast listener report',
};

/** `etherType` as the kernel has it in skb->protocol; `bytes` may end anywhere. */
export function flowOf(etherType: number, bytes: Uint8Array): PacketFlow {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (VLAN_TYPES.includes(etherType)) return inVlan(view, bytes);
  if (etherType === 0x0800 && isIp(view, 4)) return ofIpv4(view);
  if (etherType === 0x86dd && isIp(view, 6)) return ofIpv6(view);
  if (etherType === 0x0806) return ofArp(view);
  return plain(ETHER_TYPES[etherType] ?? `0x${etherType.toString(16).padStart(4, '0')}`);
}

function plain(protocol: string, detail = ''): PacketFlow {
  return {
    protocol,
    source: undefined,
    destination: undefined,
    sourcePort: undefined,
    destinationPort: undefined,
    detail,
  };
}

function isIp(view: DataView, version: number): boolean {
  return view.byteLength >= (version === 4 ? 20 : 40) && view.getUint8(0) >> 4 === version;
}

/** The kernel leaves the network header before the tag, or, of what a packet socket sends, behind it. */
function inVlan(view: DataView, bytes: Uint8Array): PacketFlow {
  const inner = view.byteLength >= 4 ? view.getUint16(2) : undefined;
  if (inner !== undefined && (inner in ETHER_TYPES || VLAN_TYPES.includes(inner))) {
    const flow = flowOf(inner, bytes.subarray(4));
    return { ...flow, detail: withDetail(`VLAN ${view.getUint16(0) & 0xfff}`, flow.detail) };
  }
  if (isIp(view, 4)) return ofIpv4(view);
  return isIp(view, 6) ? ofIpv6(view) : plain('VLAN');
}

function withDetail(first: string, second: string): string {
  return [first, second].filter(Boolean).join(', ');
}

function ofIpv4(view: DataView): PacketFlow {
  const length = (view.getUint8(0) & 15) * 4;
  const addresses = { source: ipv4(view, 12), destination: ipv4(view, 16) };
  const fragment = view.getUint16(6);
  // The kernel drops it (IP_INHDR): where its payload begins is not known.
  if (length < 20) return { ...plain('IPv4', `header of ${length} bytes`), ...addresses };
  return inIp(view, view.getUint8(9), length, addresses, (fragment & 0x1fff) !== 0, (fragment & 0x2000) !== 0);
}

function ofIpv6(view: DataView): PacketFlow {
  const addresses = { source: ipv6(view, 8), destination: ipv6(view, 24) };
  let next = view.getUint8(6);
  let at = 40;
  let fragment = 0;
  while ((IPV6_OPTIONS.includes(next) || next === IPV6_FRAGMENT) && at + 8 <= view.byteLength) {
    if (next === IPV6_FRAGMENT) fragment = view.getUint16(at + 2);
    const length = next === IPV6_FRAGMENT ? 8 : 8 * (view.getUint8(at + 1) + 1);
    next = view.getUint8(at);
    at += length;
  }
  return inIp(view, next, at, addresses, fragment >> 3 !== 0, (fragment & 1) !== 0);
}

interface Addresses {
  readonly source: string;
  readonly destination: string;
}

/** `later`: not the first fragment, which alone has the header; `more` follow. */
function inIp(
  view: DataView,
  number: number,
  at: number,
  addresses: Addresses,
  later: boolean,
  more: boolean,
): PacketFlow {
  const protocol = IP_PROTOCOLS[number] ?? `IP protocol ${number}`;
  const flow = { ...plain(protocol, later || more ? 'fragment' : ''), ...addresses };
  if (later || view.byteLength < at + 4) return flow;
  if (WITH_PORTS.includes(protocol)) {
    const ports = { sourcePort: view.getUint16(at), destinationPort: view.getUint16(at + 2) };
    return { ...flow, ...ports, detail: withDetail(flow.detail, protocol === 'TCP' ? tcpFlags(view, at) : '') };
  }
  const types = protocol === 'ICMP' ? ICMP_TYPES : protocol === 'ICMPv6' ? ICMPV6_TYPES : undefined;
  if (!types) return flow;
  const type = view.getUint8(at);
  return { ...flow, detail: withDetail(flow.detail, types[type] ?? `type ${type}`) };
}

function tcpFlags(view: DataView, at: number): string {
  if (view.byteLength < at + 14) return '';
  const flags = view.getUint8(at + 13);
  return TCP_FLAGS.filter((_, bit) => flags & (1 << bit)).join(' ');
}

/** ARP for Ethernet and IPv4: the address that asks, and the one that is asked for. */
function ofArp(view: DataView): PacketFlow {
  if (view.byteLength < 28 || view.getUint16(2) !== 0x0800) return plain('ARP');
  const operation = view.getUint16(6);
  return {
    ...plain('ARP', operation === 1 ? 'request' : operation === 2 ? 'reply' : `operation ${operation}`),
    source: ipv4(view, 14),
    destination: ipv4(view, 24),
  };
}

function ipv4(view: DataView, at: number): string {
  return [0, 1, 2, 3].map((i) => view.getUint8(at + i)).join('.');
}

/** The address as RFC 5952 writes it: the longest run of two or more zero groups is '::'. */
function ipv6(view: DataView, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(at + 2 * i).toString(16)).join(':');
  const zeros = groups.match(/\b0(?::0)+\b/g) ?? [];
  const longest = zeros.reduce((best, run) => (run.length > best.length ? run : best), '');
  if (!longest) return groups;
  const start = groups.search(new RegExp(`\\b${longest}\\b`));
  return `${groups.slice(0, start).replace(/:$/, '')}::${groups.slice(start + longest.length).replace(/^:/, '')}`;
}
