// SPDX-License-Identifier: Apache-2.0
// By which devices a namespace takes packets to send them on, and which have addresses of the host, by rtnetlink.
import { netlinkRequest } from './native.ts';
import { filteredDumpRequest, integer, messagesOf, u32 } from './netlink-message.ts';

// linux/rtnetlink.h, linux/if_addr.h, linux/netconf.h: stable ABI
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const RTM_NEWNETCONF = 80;
const RTM_GETNETCONF = 82;
const IFADDRMSG_SIZE = 8;
const NETCONFMSG_SIZE = 1;
const NETCONFA_IFINDEX = 1;
const NETCONFA_FORWARDING = 2;
const AF_INET = 2;
const AF_INET6 = 10;
const RT_SCOPE_LINK = 253;
/** NETCONFA_IFINDEX_ALL: of IPv6 it counts for every device. */
const ALL = 0xffff_ffff;

/** By which packets may pass the host from one device to another. */
export interface Reach {
  readonly forwarding: Forwarding;
  /** ifindices of devices with addresses of the host. */
  readonly addressed: ReadonlySet<number>;
}

interface Forwarding {
  /** ifindices of devices by which packets come in that the host sends on. */
  readonly devices: ReadonlySet<number>;
  /** By every device. */
  readonly byAll: boolean;
}

export async function readForwarding(netnsPath: string | undefined, mostBytes: number): Promise<Forwarding> {
  const read = async (family: number): Promise<readonly number[]> => {
    const request = filteredDumpRequest(RTM_GETNETCONF, NETCONFMSG_SIZE, { 0: family });
    return parseForwarding(await netlinkRequest(netnsPath, request, mostBytes));
  };
  const [ipv4, ipv6] = [await read(AF_INET), await read(AF_INET6)];
  return { devices: new Set([...ipv4, ...ipv6].filter((ifindex) => ifindex < ALL)), byAll: ipv6.includes(ALL) };
}

export function parseForwarding(reply: Uint8Array): readonly number[] {
  return messagesOf(reply, RTM_NEWNETCONF, NETCONFMSG_SIZE).flatMap(({ attributes }) => {
    const ifindex = integer(attributes.get(NETCONFA_IFINDEX));
    return ifindex !== undefined && integer(attributes.get(NETCONFA_FORWARDING)) === 1 ? [ifindex] : [];
  });
}

/** ifindices of devices that have an address by which others reach the host: one of the link alone does not count. */
export async function readAddressed(netnsPath: string | undefined, mostBytes: number): Promise<ReadonlySet<number>> {
  const request = filteredDumpRequest(RTM_GETADDR, IFADDRMSG_SIZE, {});
  return parseAddressed(await netlinkRequest(netnsPath, request, mostBytes));
}

/** struct ifaddrmsg: family, prefix length, flags, scope, and the device. */
export function parseAddressed(reply: Uint8Array): ReadonlySet<number> {
  return new Set(
    messagesOf(reply, RTM_NEWADDR, IFADDRMSG_SIZE).flatMap(({ body }) =>
      body.getUint8(3) === RT_SCOPE_LINK ? [] : [u32(body, 4)],
    ),
  );
}
