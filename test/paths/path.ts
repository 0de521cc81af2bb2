// SPDX-License-Identifier: Apache-2.0
// A way through the host between a guest behind a tap and a peer, both of which count what they send and get.
import { datagram, ethernet } from '../host/frames.ts';
import { macOf, type NamespaceLab, namespaceLab } from '../host/netns.ts';
import type { TestReader } from '../test-reader/test-reader.ts';

export const GUEST = '10.71.0.2';
const GUEST_MAC = '02:00:00:00:00:02';
export const PEER = '10.71.0.1';
/** Across the cable, where the host routes. */
export const BEYOND = '10.99.0.2';
export const OPEN_PORT = 9;
export const QUEUE = 'q';

export interface Site {
  readonly near: NamespaceLab;
  /** Behind the cable that is `up0` in near. */
  readonly far: NamespaceLab;
  readonly guest: TestReader;
  /** The host's side: of near, for XDP programs. */
  readonly host: TestReader;
}

export interface Ends {
  readonly device: string;
  /** Where the peer's socket is, and by which address the guest sends to it. */
  readonly peer: NamespaceLab;
  readonly peerAddress: string;
  /** A frame as the guest writes it. */
  readonly frame: (packet: Buffer) => Buffer;
  /** Packets that this host drops, where it can be known whose they were, by a name of the kind. */
  readonly refused: Readonly<Record<string, Buffer>>;
  /** The device of near by which the guest's packets leave; absent: the host keeps them. */
  readonly leavesBy?: string | undefined;
  /** Each of them leaves by so many devices, instead. */
  readonly copies?: number;
  /** What is sent to the guest at this port is dropped before its device. */
  readonly blocked?: number;
}

/** Puts the device `tap0` of QUEUE on its way, or opens another; throws where the kernel has not what it takes. */
export interface Path {
  readonly name: string;
  readonly build: (site: Site) => Promise<Ends>;
}

export async function siteOf(t: Parameters<typeof namespaceLab>[0]): Promise<Site> {
  const [near, far] = [await namespaceLab(t), await namespaceLab(t)];
  await near.ipBatch([`link add up0 type veth peer name far0 netns ${far.name}`, 'link set up0 up']);
  await far.ip('link set far0 up');
  return { near, far, guest: await near.testReader(), host: await near.testReader() };
}

export const toPeer = (
  to: string,
  port: number = OPEN_PORT,
  more: { badChecksum?: boolean; ttl?: number } = {},
): Buffer => datagram({ from: GUEST, to, port, size: 100, ...more });

/** tap0, up. */
export async function plug({ near, guest }: Site, ...lines: readonly string[]): Promise<void> {
  await guest.open(QUEUE, 'tap0', 'tap');
  await near.ipBatch(['link set tap0 up', ...lines]);
}

/** The peer knows the guest's link address: nobody asks for it meanwhile. */
export function acquaint(lab: NamespaceLab, device: string): Promise<string> {
  return lab.ip(`neigh replace ${GUEST} lladdr ${GUEST_MAC} dev ${device} nud permanent`);
}

/** The peer is `device` of far, in the guest's own network. */
export async function peerAt({ far }: Site, device: string): Promise<Ends> {
  await far.ip(`addr add ${PEER}/24 dev ${device}`);
  await acquaint(far, device);
  const mac = await macOf(far, device);
  return {
    device: 'tap0',
    peer: far,
    peerAddress: PEER,
    frame: (packet) => ethernet(mac, packet),
    refused: {},
    leavesBy: 'up0',
  };
}
