// SPDX-License-Identifier: Apache-2.0
// tc filters of a namespace that have to do with one of its devices.
import type { TcRedirect } from '../../snapshot/surroundings.ts';
import type { NamespaceTables } from './read-namespace.ts';

const MOST_REDIRECTS = 16;

/** Filters that lead to the device or to one that is gone, take what comes from it or a copy of that, or take frames before they reach its bridge. */
export function redirectsOf(ifindex: number, { mirred, links }: NamespaceTables): readonly TcRedirect[] {
  const bridge = links.get(ifindex)?.master;
  const takes = (from: number): boolean =>
    from === ifindex || (bridge !== undefined && (from === bridge || links.get(from)?.master === bridge));
  return mirred
    .filter(({ from, to }) => to === ifindex || !links.has(to) || takes(from))
    .slice(0, MOST_REDIRECTS)
    .map(({ from, to, ...more }) => {
      const target = links.get(to);
      return {
        ...more,
        from: links.get(from)?.name ?? String(from),
        to: target?.name ?? '',
        ...(target && { isOpen: target.isUp && target.hasCarrier }),
      };
    });
}
