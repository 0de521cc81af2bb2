// SPDX-License-Identifier: Apache-2.0
// Addresses behind a device for which the host takes another way: a more specific route, a rule of policy routing, a route that ends the packet.
import { addressText, type Neighbour, type Route, type Way } from '../../kernel/rtnetlink-routes.ts';
import type { StrayAddress } from '../../snapshot/surroundings.ts';
import { type BridgeNeighbour, isBehind, type PortPlace } from './bridge-neighbours.ts';

/** Few stand for all: each is a question to the kernel. */
const MOST_NEIGHBOURS = 8;
const MOST_NETWORKS = 4;
const MOST_SHADOWS = 8;
/** A shorter prefix is a default route, or half of one (0.0.0.0/1): all the world is not behind a device. */
const SHORTEST_PREFIX = 8;

export interface AskedAddress {
  readonly address: string;
  readonly isNeighbour: boolean;
  /** By which the host should send: the device itself, or the bridge that it is a port of. */
  readonly by: number;
}

interface Routing {
  readonly routes: readonly Route[];
  readonly neighbours: readonly Neighbour[];
}

/** Addresses to ask the kernel about: neighbours on the device, the first of each of its networks, and those that other routes take out of these. */
export function addressesOf(ifindex: number, { routes, neighbours }: Routing): readonly AskedAddress[] {
  const known = neighbours
    .filter((one) => one.device === ifindex && one.isKnown && !isLinkLocal(one.address))
    .slice(0, MOST_NEIGHBOURS)
    .map(({ address }) => ({ address, isNeighbour: true, by: ifindex }));
  const networks = routes
    .filter((one) => one.device === ifindex && one.type === 'unicast' && isNetwork(one))
    .slice(0, MOST_NETWORKS);
  const shadows = routes
    .filter((route) => route.device !== ifindex && route.type !== 'local' && route.type !== 'broadcast')
    .filter((route) => networks.some((network) => isWithin(route, network)))
    .slice(0, MOST_SHADOWS);
  const others = [...networks, ...shadows].map((one) => ({ address: firstOf(one), isNeighbour: false, by: ifindex }));
  const found = new Map([...others, ...known].map((one) => [one.address, one]));
  return [...found.values()];
}

/** Those of its guest that the host knows as neighbours on its bridge. */
export function addressesAt(port: PortPlace, neighbours: readonly BridgeNeighbour[]): readonly AskedAddress[] {
  return neighbours
    .filter((one) => isBehind(one, port) && !isLinkLocal(one.address))
    .slice(0, MOST_NEIGHBOURS)
    .map(({ address, device }) => ({ address, isNeighbour: true, by: device }));
}

/** `ways`: by address. */
export function straysOf(
  ifindex: number,
  asked: readonly AskedAddress[],
  ways: ReadonlyMap<string, Way>,
  nameOf: (ifindex: number) => string | undefined,
): readonly StrayAddress[] {
  return asked.flatMap(({ address, isNeighbour, by }) => {
    const way = ways.get(address);
    if (!way || way.type === 'other' || (way.type === 'unicast' && way.device === by)) return [];
    // The first address of a network is often the host's own; a neighbour's is not.
    if ((way.type === 'local' || way.type === 'broadcast') && !isNeighbour) return [];
    // A host may have several ways into the network of a bridge.
    if (way.type === 'unicast' && by !== ifindex) return [];
    const device = way.type === 'unicast' && way.device !== undefined ? nameOf(way.device) : undefined;
    return [{ address, isNeighbour, route: way.type, ...(device !== undefined && { device }) }];
  });
}

export function isNetwork({ network, bits }: Route): boolean {
  return bits >= SHORTEST_PREFIX && !isLinkLocal(addressText(network)) && network[0] !== 0xff;
}

function isLinkLocal(address: string): boolean {
  return /^(fe[89ab].:|169\.254\.)/.test(address);
}

/** Its addresses are among the other's, and not the same ones. */
export function isWithin(route: Route, network: Route): boolean {
  return (
    route.family === network.family &&
    route.bits > network.bits &&
    sharesPrefix(route.network, network.network, network.bits)
  );
}

export function sharesPrefix(one: Uint8Array, other: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (one[i] !== other[i]) return false;
  const mask = (0xff00 >> (bits & 7)) & 0xff;
  return ((one[whole] ?? 0) & mask) === ((other[whole] ?? 0) & mask);
}

/** The first address of a network that a host can have; of a single address, that. */
function firstOf({ network, bits }: Route): string {
  const address = Uint8Array.from(network);
  const last = address.length - 1;
  if (bits < 8 * address.length - 1) address[last] = (address[last] ?? 0) + 1;
  return addressText(address);
}
