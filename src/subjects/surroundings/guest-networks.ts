// SPDX-License-Identifier: Apache-2.0
// Networks that the host reaches by a device, and what of them is elsewhere: by them a packet's address says for which device it is.
import { addressBytes, type Neighbour, type Route } from '../../kernel/rtnetlink-routes.ts';
import { isNetwork, isWithin, sharesPrefix } from './stray-addresses.ts';

export interface GuestNetwork {
  /** 16 bytes; of IPv4 ::ffff:a.b.c.d. */
  readonly network: Uint8Array;
  /** Of these 16 bytes. */
  readonly bits: number;
  /** 0: another device's, or the host's own. */
  readonly ifindex: number;
}

/** Of a namespace. A device with more is not looked for by its networks. */
const MOST = 1024;
const ALL_BITS = 128;
const MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

interface Routing {
  readonly routes: readonly Route[];
  readonly neighbours: readonly Neighbour[];
}

/** `ifindices`: of devices that are no ports. */
export function guestNetworks(ifindices: readonly number[], { routes, neighbours }: Routing): readonly GuestNetwork[] {
  const found = new Map<string, GuestNetwork>();
  const add = ({ network, bits }: Pick<Route, 'network' | 'bits'>, ifindex: number): void => {
    const one = { network: mapped(network), bits: ALL_BITS - 8 * network.length + bits };
    const key = `${Buffer.from(one.network).toString('hex')} ${one.bits}`;
    const known = found.get(key);
    // Two devices have the same network: nobody knows which of them a packet is for.
    found.set(key, { ...one, ifindex: known && known.ifindex !== ifindex ? 0 : ifindex });
  };
  for (const ifindex of ifindices) {
    const own = routes.filter((route) => route.device === ifindex && route.type === 'unicast' && isNetwork(route));
    for (const network of own) add(network, ifindex);
    for (const route of routes)
      if ((route.device !== ifindex || route.type !== 'unicast') && own.some((network) => isWithin(route, network)))
        add(route, ifindices.includes(route.device ?? 0) && route.type === 'unicast' ? (route.device ?? 0) : 0);
    for (const { device, address, isKnown } of neighbours)
      if (device === ifindex && isKnown) {
        const network = addressBytes(address);
        add({ network, bits: 8 * network.length }, ifindex);
      }
  }
  return found.size > MOST ? [] : [...found.values()];
}

/** ifindex of the device of the narrowest network that the address is in. */
export function ownerOf(address: string, networks: readonly GuestNetwork[]): number | undefined {
  const bytes = mapped(addressBytes(address));
  const found = networks.filter(({ network, bits }) => sharesPrefix(bytes, network, bits));
  return found.toSorted((a, b) => b.bits - a.bits)[0]?.ifindex;
}

/** Of one address alone. */
export function hostNetwork(address: Uint8Array): Omit<GuestNetwork, 'ifindex'> {
  return { network: mapped(address), bits: ALL_BITS };
}

function mapped(network: Uint8Array): Uint8Array {
  return network.length === 4 ? Uint8Array.of(...MAPPED, ...network) : network;
}
