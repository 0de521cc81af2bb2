// SPDX-License-Identifier: Apache-2.0
// Where packets of a device may end so that no counter and no reason says so: a BPF program takes them, or a dummy device throws them away.
import type { TopologyLink } from '../../kernel/rtnetlink-topology.ts';
import type { SilentEnd } from '../../snapshot/surroundings.ts';
import type { NamespaceTables } from './read-namespace.ts';

const MOST_ENDS = 16;

/** Other tuns and taps are ends, and no way to this one. */
export function silentEndsOf(
  ifindex: number,
  { links, tcPrograms }: Pick<NamespaceTables, 'links' | 'tcPrograms'>,
): readonly SilentEnd[] {
  return [...links.values()]
    .filter((link) => link.isUp && (link.ifindex === ifindex || link.tun === undefined))
    .flatMap((link) => endsAt(link, link.ifindex === ifindex, tcPrograms))
    .slice(0, MOST_ENDS);
}

function endsAt(link: TopologyLink, isOwn: boolean, programs: NamespaceTables['tcPrograms']): readonly SilentEnd[] {
  const { ifindex, name: device, hasXdp, isDummy, received } = link;
  const hooks = programs.filter((one) => one.ifindex === ifindex).map(({ hook }) => hook);
  // What comes in by the device is from its guest, and what comes in by another may be for it.
  const coming: Pick<SilentEnd, 'way' | 'received'> = isOwn ? { way: 'from' } : { way: 'to', received };
  return [
    ...(hasXdp ? [{ device, how: 'xdp' as const, ...coming }] : []),
    ...hooks.map((how): SilentEnd => {
      if (how === 'ingress') return { device, how, ...coming };
      return { device, how, way: isOwn ? 'to' : 'from' };
    }),
    ...(isDummy ? [{ device, how: 'dummy' as const, way: 'from' as const }] : []),
  ];
}
