// SPDX-License-Identifier: Apache-2.0
// Neighbours that the host reaches by a bridge: behind which port they are, or that the bridge floods what is for them.
import type { FdbEntry } from '../../kernel/rtnetlink-bridge.ts';
import type { Neighbour } from '../../kernel/rtnetlink-routes.ts';
import type { TopologyLink } from '../../kernel/rtnetlink-topology.ts';

export interface BridgeNeighbour {
  /** The bridge, or a VLAN device on it: by it the host sends. */
  readonly device: number;
  readonly bridge: number;
  readonly address: string;
  readonly mac: string;
  /** undefined: the bridge knows no port for it. */
  readonly port: number | undefined;
}

/** `fdb`: of bridges with a device of ours. */
export function bridgeNeighbours(neighbours: readonly Neighbour[], { links, fdb }: Tables): readonly BridgeNeighbour[] {
  return neighbours.flatMap(({ device, address, mac, isKnown }) => {
    const bridge = fdb.has(device) ? device : (links.get(device)?.lower ?? 0);
    const entries = fdb.get(bridge);
    if (!isKnown || mac === undefined || !entries) return [];
    return [{ device, bridge, address, mac, port: entries.find((one) => one.address === mac)?.port }];
  });
}

export interface PortPlace {
  readonly ifindex: number;
  readonly bridge: number;
  /** The bridge has learned no address there: its guest has sent nothing for minutes. */
  readonly isSilent: boolean;
}

export function placeOf(ifindex: number, { links, fdb }: Tables): PortPlace {
  const bridge = links.get(ifindex)?.master ?? 0;
  const isSilent = !fdb.get(bridge)?.some(({ port, origin }) => port === ifindex && origin !== 'local');
  return { ifindex, bridge, isSilent };
}

/** What is for a neighbour that the bridge does not know goes to each port: it is of those whose guests it does not know either. */
export function isBehind({ bridge, port }: BridgeNeighbour, place: PortPlace): boolean {
  return bridge === place.bridge && (port === undefined ? place.isSilent : port === place.ifindex);
}

interface Tables {
  readonly links: ReadonlyMap<number, TopologyLink>;
  readonly fdb: ReadonlyMap<number, readonly FdbEntry[]>;
}
