// SPDX-License-Identifier: Apache-2.0
// Addresses by which a packet is known to be for a device of a namespace, before it is anywhere near it.
import { addressBytes } from '../../kernel/rtnetlink-routes.ts';
import { type BridgeNeighbour, placeOf } from './bridge-neighbours.ts';
import { type GuestNetwork, hostNetwork } from './guest-networks.ts';
import type { NamespaceTables } from './read-namespace.ts';

interface GuestMac {
  readonly mac: string;
  /** Of the guest's device, or what flooded() gives. */
  readonly ifindex: number;
}

export interface GuestKeys {
  readonly macs: readonly GuestMac[];
  readonly networks: readonly GuestNetwork[];
}

/** No device has such an ifindex. */
const FLOODED = 0x8000_0000;

/** Stands for the ports of the bridge whose guests it does not know. */
function flooded(bridge: number): number {
  return (FLOODED | bridge) >>> 0;
}

/** `ports`: our devices there that are ports of bridges, with the addresses that were behind them. */
export function guestKeys(
  ports: ReadonlyMap<number, ReadonlySet<string>>,
  { networks, neighbours }: Pick<NamespaceTables, 'networks' | 'neighbours'>,
): GuestKeys {
  const known = [...ports].flatMap(([ifindex, macs]) => [...macs].map((mac) => ({ mac, ifindex })));
  const owners = new Map(known.map(({ mac, ifindex }) => [mac, ifindex]));
  const reached = neighbours.flatMap((one) => {
    const ifindex = ifindexOf(one, owners, ports);
    return ifindex === undefined ? [] : [{ ...one, ifindex }];
  });
  const unknown = reached.filter(({ mac }) => !owners.has(mac)).map(({ mac, ifindex }) => ({ mac, ifindex }));
  const hosts = reached.map(({ address, ifindex }) => ({ ...hostNetwork(addressBytes(address)), ifindex }));
  return { macs: [...unknown, ...known], networks: [...hosts, ...networks] };
}

/** undefined: it is behind no device of ours. */
function ifindexOf(
  { mac, port, bridge }: BridgeNeighbour,
  owners: ReadonlyMap<string, number>,
  ports: ReadonlyMap<number, unknown>,
): number | undefined {
  const owner = owners.get(mac) ?? port ?? flooded(bridge);
  return owner === port && !ports.has(port) ? undefined : owner;
}

/** What is lost for these is lost for the device. */
export function keysOf(ifindex: number, tables: Pick<NamespaceTables, 'links' | 'fdb'>): readonly number[] {
  const { bridge, isSilent } = placeOf(ifindex, tables);
  return bridge !== 0 && isSilent ? [ifindex, flooded(bridge)] : [ifindex];
}
