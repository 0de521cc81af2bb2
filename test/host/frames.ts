// SPDX-License-Identifier: Apache-2.0
// Frames and packets as a guest sends them, byte by byte.

export const GUEST = '02:00:00:00:00:02';
export const EVERYONE = 'ff:ff:ff:ff:ff:ff';
const ETHERNET = { 4: 0x0800, 6: 0x86dd } as const;
const UDP = 17;
const TCP = 6;
const ICMP = 1;
const ICMPV6 = 58;

interface Datagram {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  /** Bytes that it carries. */
  readonly size?: number;
  readonly ttl?: number;
  readonly badChecksum?: boolean;
  /** Of IPv4: it may not be cut up (DF). */
  readonly whole?: boolean;
}

/** An IPv4 or IPv6 packet, as the addresses are. */
export function datagram({
  from,
  to,
  port,
  size = 64,
  ttl = 64,
  badChecksum = false,
  whole = false,
}: Datagram): Buffer {
  const addresses = Buffer.concat([address(from), address(to)]);
  const body = Buffer.concat([bytes16(4000, port, 8 + size, 0), Buffer.alloc(size, 'y')]);
  const pseudo = Buffer.concat([addresses, bytes16(UDP, body.length), body]);
  body.writeUInt16BE((checksum(pseudo) || 0xffff) ^ (badChecksum ? 0x1111 : 0), 6);
  return Buffer.concat([header(addresses, body.length, ttl, whole), body]);
}

/** The first packet of a TCP connection, from a port of its own. */
export function connectionRequest({ from, to, port }: Pick<Datagram, 'from' | 'to' | 'port'>, ownPort: number): Buffer {
  const addresses = Buffer.concat([address(from), address(to)]);
  const body = bytes16(ownPort, port, 0, 1000, 0, 0, 0x5002, 0xfaf0, 0, 0);
  body.writeUInt16BE(checksum(Buffer.concat([addresses, bytes16(TCP, body.length), body])), 16);
  return Buffer.concat([header(addresses, body.length, 64, true, TCP), body]);
}

export function ping(from: string, to: string): Buffer {
  const addresses = Buffer.concat([address(from), address(to)]);
  const body = Buffer.concat([bytes16(0x0800, 0, 7, 1), Buffer.alloc(56, 'z')]);
  body.writeUInt16BE(checksum(body), 2);
  return Buffer.concat([header(addresses, body.length, 64, false, ICMP), body]);
}

/** Who has `to`? */
export function arpRequest(from: string, to: string): Buffer {
  const question = Buffer.concat([
    bytes16(1, 0x0800, 0x0604, 1),
    mac(GUEST),
    address(from),
    Buffer.alloc(6),
    address(to),
  ]);
  return ethernet(EVERYONE, question, 0x0806);
}

/** The same of IPv6. */
export function solicitation(from: string, to: string): Buffer {
  const target = address(to);
  const group = Buffer.concat([address('ff02::1:ff00:0').subarray(0, 13), target.subarray(13)]);
  const addresses = Buffer.concat([address(from), group]);
  const body = Buffer.concat([bytes16(135 << 8, 0, 0, 0), target, Buffer.from([1, 1]), mac(GUEST)]);
  body.writeUInt16BE(checksum(Buffer.concat([addresses, bytes16(0, body.length, 0, ICMPV6), body])), 2);
  const packet = Buffer.concat([
    Buffer.from([0x60, 0, 0, 0]),
    bytes16(body.length),
    Buffer.from([ICMPV6, 255]),
    addresses,
    body,
  ]);
  return ethernet(
    `33:33:ff:${[...target.subarray(13)].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`,
    packet,
  );
}

export function ethernet(to: string, payload: Buffer, type: number = ETHERNET[payload[0] === 0x60 ? 6 : 4]): Buffer {
  return Buffer.concat([mac(to), mac(GUEST), bytes16(type), payload]);
}

/** The same with an 802.1Q tag. */
export function tagged(vlan: number, frame: Buffer): Buffer {
  return Buffer.concat([frame.subarray(0, 12), bytes16(0x8100, vlan), frame.subarray(12)]);
}

function header(addresses: Buffer, length: number, ttl: number, whole: boolean, protocol = UDP): Buffer {
  if (addresses.length > 8)
    return Buffer.concat([Buffer.from([0x60, 0, 0, 0]), bytes16(length), Buffer.from([protocol, ttl]), addresses]);
  const plain = Buffer.concat([
    bytes16(0x4500, 20 + length, 1, whole ? 0x4000 : 0, (ttl << 8) | protocol, 0),
    addresses,
  ]);
  plain.writeUInt16BE(checksum(plain), 10);
  return plain;
}

function address(text: string): Buffer {
  if (!text.includes(':')) return Buffer.from(text.split('.').map(Number));
  const [head = '', tail = ''] = text.split('::');
  const groups = (part: string): readonly number[] =>
    part === '' ? [] : part.split(':').map((one) => Number.parseInt(one, 16));
  const [first, last] = [groups(head), groups(tail)];
  return bytes16(...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last);
}

function mac(text: string): Buffer {
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}

function bytes16(...numbers: readonly number[]): Buffer {
  return Buffer.concat(numbers.map((number) => Buffer.from([number >> 8, number & 255])));
}

function checksum(data: Buffer): number {
  let sum = 0;
  for (let i = 0; i < data.length; i += 2) sum += data.readUInt8(i) * 256 + (data[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum >>> 16) + (sum & 0xffff);
  return ~sum & 0xffff;
}
