// SPDX-License-Identifier: Apache-2.0
// What `tapscope bench` and `tapscope demo` set on a device that they made themselves, by rtnetlink. Nothing else of the product changes a device.
import { existsSync } from 'node:fs';
import { endianness } from 'node:os';
import { netlinkRequest } from '../src/kernel/native.ts';
import { attributeBytes, changeRequest, textBytes, u32Bytes } from '../src/kernel/netlink-message.ts';
import { readLinks } from '../src/kernel/rtnetlink.ts';

// linux/rtnetlink.h, linux/if_link.h, linux/pkt_sched.h: stable ABI
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_SETLINK = 19;
const RTM_NEWADDR = 20;
const RTM_NEWQDISC = 36;
const IFLA_IFNAME = 3;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_TXQLEN = 13;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_NET_NS_PID = 19;
const VETH_INFO_PEER = 1;
const IFLA_BR_MCAST_SNOOPING = 23;
const IFLA_MACVLAN_MODE = 1;
const MACVLAN_MODE_BRIDGE = 4;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const AF_INET = 2;
const TCA_KIND = 1;
const TC_H_ROOT = 0xffffffff;
const IFF_UP = 1;
/** struct ifinfomsg: ifindex at 4, flags at 8, which of them at 12. struct tcmsg: ifindex at 4, handle at 8, parent at 12. */
const IFINFOMSG_SIZE = 16;
const TCMSG_SIZE = 20;
/** struct ifaddrmsg: the family at 0 and the prefix length at 1, the ifindex at 4. */
const IFADDRMSG_SIZE = 8;
/** "1:", as tc would call it. */
const ROOT_HANDLE = 0x10000;

export type QdiscKind = 'fq_codel' | 'pfifo' | 'cake' | 'noqueue';

interface OwnDevice {
  /** The path of its namespace. */
  readonly namespace: string;
  readonly name: string;
  readonly queues: number;
}

/** Gives each queue a ring of that size and a qdisc of that kind (undefined: the host's usual), and sets the device up. */
export async function raise({ namespace, name, queues }: OwnDevice, ring: number, qdisc?: QdiscKind): Promise<void> {
  const ifindex = await indexOf(namespace, name);
  const change = { 4: ifindex, 8: IFF_UP, 12: IFF_UP };
  const attributes = new Map([[IFLA_TXQLEN, u32Bytes(ring)]]);
  await netlinkRequest(namespace, changeRequest(RTM_SETLINK, IFINFOMSG_SIZE, change, attributes));
  if (qdisc === undefined) return;
  // A root qdisc of many queues would be one for all of them: mq gives each its own. noqueue has no state to share.
  const shared = queues > 1 && qdisc !== 'noqueue';
  if (!shared) {
    await setQdisc(namespace, ifindex, TC_H_ROOT, ROOT_HANDLE, qdisc);
    return;
  }
  await setQdisc(namespace, ifindex, TC_H_ROOT, ROOT_HANDLE, 'mq');
  for (let queue = 1; queue <= queues; queue++) await setQdisc(namespace, ifindex, ROOT_HANDLE + queue, 0, qdisc);
}

/** Gives a device an IPv4 address with a prefix of so many bits. */
export async function setAddress(namespace: string, name: string, address: string, prefix: number): Promise<void> {
  const bytes = Uint8Array.from(address.split('.').map(Number));
  const attributes = new Map([
    [IFA_LOCAL, bytes],
    [IFA_ADDRESS, bytes],
  ]);
  const first = new DataView(Uint8Array.of(AF_INET, prefix, 0, 0).buffer).getUint32(0, endianness() === 'LE');
  const numbers = { 0: first, 4: await indexOf(namespace, name) };
  await netlinkRequest(namespace, changeRequest(RTM_NEWADDR, IFADDRMSG_SIZE, numbers, attributes));
}

/** Puts devices that are up into a bridge, which is made if it is not there. Code BRIDGE: the kernel's bridge is not loaded. */
export async function bridge(namespace: string, name: string, ports: readonly string[]): Promise<void> {
  // Making one would load the module, which stays.
  if (!existsSync('/sys/module/bridge'))
    throw Object.assign(new Error('the module bridge is not loaded: modprobe bridge'), { code: 'BRIDGE' });
  if ((await readLinks(namespace)).every((link) => link.name !== name)) await makeBridge(namespace, name);
  const master = new Map([[IFLA_MASTER, u32Bytes(await indexOf(namespace, name))]]);
  for (const port of ports) {
    const change = { 4: await indexOf(namespace, port) };
    await netlinkRequest(namespace, changeRequest(RTM_SETLINK, IFINFOMSG_SIZE, change, master));
  }
}

async function makeBridge(namespace: string, name: string): Promise<void> {
  // A bridge that snoops joins a multicast group, and its IGMP report would be counted among the packets of the guests.
  const data = attributeBytes(new Map([[IFLA_BR_MCAST_SNOOPING, Uint8Array.of(0)]]));
  await makeLink(namespace, name, 'bridge', new Map([[IFLA_INFO_DATA, data]]));
}

/** Makes a macvtap on a dummy device, which discards what is sent. Code MODULE: one of their drivers is not loaded. */
export async function makeMacvtap(namespace: string, name: string, lower: string): Promise<void> {
  for (const driver of ['macvtap', 'dummy'])
    if (!existsSync(`/sys/module/${driver}`))
      throw Object.assign(new Error(`the module ${driver} is not loaded: modprobe ${driver}`), { code: 'MODULE' });
  await makeLink(namespace, lower, 'dummy');
  const mode = attributeBytes(new Map([[IFLA_MACVLAN_MODE, u32Bytes(MACVLAN_MODE_BRIDGE)]]));
  const below = new Map([[IFLA_LINK, u32Bytes(await indexOf(namespace, lower))]]);
  await makeLink(namespace, name, 'macvtap', new Map([[IFLA_INFO_DATA, mode]]), below);
}

/** Its other end is in the namespace of a process. Code EOPNOTSUPP: this kernel has no veth. */
export async function makeVeth(namespace: string, name: string, peer: string, pid: number): Promise<void> {
  // struct ifinfomsg, as of the device itself, and the peer's attributes.
  const attributes = attributeBytes(
    new Map([
      [IFLA_IFNAME, textBytes(peer)],
      [IFLA_NET_NS_PID, u32Bytes(pid)],
    ]),
  );
  const far = Uint8Array.of(...new Uint8Array(IFINFOMSG_SIZE), ...attributes);
  await makeLink(
    namespace,
    name,
    'veth',
    new Map([[IFLA_INFO_DATA, attributeBytes(new Map([[VETH_INFO_PEER, far]]))]]),
  );
}

/** What lies on it goes with it. */
export async function deleteLink(namespace: string, name: string): Promise<void> {
  const numbers = { 4: await indexOf(namespace, name) };
  await netlinkRequest(namespace, changeRequest(RTM_DELLINK, IFINFOMSG_SIZE, numbers, new Map()));
}

async function makeLink(
  namespace: string,
  name: string,
  kind: string,
  information: ReadonlyMap<number, Uint8Array> = new Map(),
  more: ReadonlyMap<number, Uint8Array> = new Map(),
): Promise<void> {
  const attributes = new Map([
    [IFLA_IFNAME, textBytes(name)],
    ...more,
    [IFLA_LINKINFO, attributeBytes(new Map([[IFLA_INFO_KIND, textBytes(kind)], ...information]))],
  ]);
  await netlinkRequest(namespace, changeRequest(RTM_NEWLINK, IFINFOMSG_SIZE, { 8: IFF_UP, 12: IFF_UP }, attributes));
}

async function indexOf(namespace: string, name: string): Promise<number> {
  const ifindex = (await readLinks(namespace)).find((link) => link.name === name)?.ifindex;
  if (ifindex === undefined) throw new Error(`The device ${name} that was just made is not there.`);
  return ifindex;
}

async function setQdisc(
  namespace: string,
  ifindex: number,
  parent: number,
  handle: number,
  kind: string,
): Promise<void> {
  const numbers = { 4: ifindex, 8: handle, 12: parent };
  const attributes = new Map([[TCA_KIND, textBytes(kind)]]);
  try {
    await netlinkRequest(namespace, changeRequest(RTM_NEWQDISC, TCMSG_SIZE, numbers, attributes));
  } catch (cause) {
    throw Object.assign(new Error(`this kernel gives no qdisc ${kind}`), { cause, code: 'QDISC' });
  }
}
