// SPDX-License-Identifier: Apache-2.0
// Packets that stand in front of other devices of the namespace: what the host sends on may be among them.
import type { OthersBacklog } from '../../snapshot/surroundings.ts';
import type { NamespaceTables } from './read-namespace.ts';

const ROOT = 0xffffffff;
/** Those in front of which most packets stand. */
const MOST_BACKLOGS = 16;

export function backlogsIn({ qdiscs, links }: Pick<NamespaceTables, 'qdiscs' | 'links'>): readonly OthersBacklog[] {
  return qdiscs
    .filter(({ parent, stats }) => parent === ROOT && stats.qlen > 0)
    .map(({ ifindex, kind, stats }) => ({
      device: links.get(ifindex)?.name ?? String(ifindex),
      kind,
      packets: stats.qlen,
      bytes: stats.backlog,
      sent: stats.packets,
    }))
    .toSorted((a, b) => b.packets - a.packets)
    .slice(0, MOST_BACKLOGS);
}
