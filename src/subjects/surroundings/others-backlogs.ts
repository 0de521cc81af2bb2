// SPDX-License-Identifier: Apache-2.0
// Packets that stand in front of other devices of the namespace: what the host sends on may be among them.
import type { TopologyLink } from '../../kernel/rtnetlink-topology.ts';
import type { OthersBacklog } from '../../snapshot/surroundings.ts';
import type { NamespaceTables } from './read-namespace.ts';

const ROOT = 0xffffffff;
/** Those in front of which most packets stand. */
const MOST_BACKLOGS = 16;

export function backlogsIn({
  qdiscs,
  links,
  mirred,
}: Pick<NamespaceTables, 'qdiscs' | 'links' | 'mirred'>): readonly OthersBacklog[] {
  return qdiscs
    .filter(({ parent, stats }) => parent === ROOT && stats.qlen > 0)
    .map(({ ifindex, kind, stats }) => ({
      device: links.get(ifindex)?.name ?? String(ifindex),
      kind,
      packets: stats.qlen,
      bytes: stats.backlog,
      sent: stats.packets,
      ...placeOf(ifindex, links),
      ...(links.get(ifindex)?.isIfb &&
        mirred.some(({ from, to }) => to === ifindex && !links.get(from)?.tun) && { holdsIncoming: true as const }),
    }))
    .toSorted((a, b) => b.packets - a.packets)
    .slice(0, MOST_BACKLOGS);
}

type Links = ReadonlyMap<number, TopologyLink>;

/** Devices on top of each other: a VLAN on a bond on its ports. */
const DEEPEST = 4;

function placeOf(ifindex: number, links: Links): Pick<OthersBacklog, 'above' | 'bridge'> {
  const above = [...new Set(devicesOn(ifindex, links, DEEPEST))];
  const master = links.get(links.get(ifindex)?.master ?? 0);
  return { ...(above.length > 0 && { above }), ...(master?.bridge && { bridge: master.name }) };
}

function devicesOn(ifindex: number, links: Links, deep: number): readonly string[] {
  if (deep === 0) return [];
  const master = links.get(links.get(ifindex)?.master ?? 0);
  const on = [...links.values()].filter(({ lower }) => lower === ifindex);
  // A bridge sends by many ports, a bond by those that it chooses.
  const all = master && !master.bridge ? [...on, master] : on;
  return all.flatMap(({ name, ifindex: upper }) => [name, ...devicesOn(upper, links, deep - 1)]);
}
