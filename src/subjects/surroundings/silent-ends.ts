// SPDX-License-Identifier: Apache-2.0
// Where packets of a device may end so that no counter and no reason says so: a BPF program or a tc action takes them, or a device throws them away.
import type { TopologyLink } from '../../kernel/rtnetlink-topology.ts';
import type { SilentEnd } from '../../snapshot/surroundings.ts';
import type { TakenPackets } from './guest-counting.ts';
import { keysOf } from './guest-keys.ts';
import { onTheWay } from './on-the-way.ts';
import type { NamespaceTables } from './read-namespace.ts';

const MOST_ENDS = 16;

export type EndTables = Pick<NamespaceTables, 'links' | 'fdb' | 'tcEnds' | 'mirred' | 'networks' | 'reach'>;

/** What was counted in the namespace of what no counter of the kernel has. */
export interface CountedEnds {
  /** undefined: not counted. */
  readonly taken: readonly TakenPackets[] | undefined;
  /** Frames that devices with an XDP program passed on, by ifindex. */
  readonly passed: ReadonlyMap<number, number>;
  /** The address of the guest is known, by which packets are told to be for it. */
  readonly isKnown: boolean;
}

/** Other tuns and taps are ends, and no way to this one. */
export function silentEndsOf(ifindex: number, tables: EndTables, counted: CountedEnds): readonly SilentEnd[] {
  const { links } = tables;
  const places = [...links.values()].filter(
    (link) => link.isUp && (link.ifindex === ifindex || link.tun === undefined) && mayEnd(link, tables),
  );
  if (places.length === 0 && (counted.taken ?? []).length === 0) return [];
  const isOnWay = onTheWay(ifindex, tables);
  const configured = places.flatMap((link) => {
    if (link.ifindex === ifindex) return ownEnds(link, tables, counted);
    return [
      ...(isOnWay(link.ifindex) ? endsAt(link, ifindex, tables, counted) : []),
      ...movedAt(link, ifindex, tables, counted),
      ...sinksAt(link),
    ];
  });
  return [...configured, ...unconfigured(ifindex, tables, counted, configured)].slice(0, MOST_ENDS);
}

function mayEnd({ ifindex, xdp, discards }: TopologyLink, tables: EndTables): boolean {
  return (
    xdp !== undefined ||
    discards !== undefined ||
    tables.tcEnds.some((one) => one.ifindex === ifindex) ||
    movesAway(ifindex, tables)
  );
}

/** In front of it packets are redirected to another device, and not to an IFB, which sends them back. */
function movesAway(ifindex: number, { mirred, links }: Pick<NamespaceTables, 'mirred' | 'links'>): boolean {
  return mirred.some(
    ({ from, to, hook, isCopy }) => from === ifindex && hook === 'egress' && !isCopy && links.get(to)?.isIfb !== true,
  );
}

/** Whether tc may take packets in a way that can be counted. */
export function hasTcEnds(tables: Pick<NamespaceTables, 'tcEnds' | 'mirred' | 'links'>): boolean {
  return tables.tcEnds.length > 0 || tables.mirred.some(({ from }) => movesAway(from, tables));
}

/** What was redirected is known as the asked device's no more: it has come by the one that it should have left by. */
function movedAt(
  { ifindex, name: device }: TopologyLink,
  asked: number,
  tables: EndTables,
  counted: CountedEnds,
): SilentEnd[] {
  if (!movesAway(ifindex, tables)) return [];
  if (!counted.taken)
    return tables.mirred
      .filter((one) => one.from === ifindex && one.hook === 'egress' && !one.isCopy)
      .map(({ to }) => ({ device: tables.links.get(to)?.name ?? '', how: 'redirected', way: 'from' }));
  const ended = takenAt(ifindex, 'egress', 'from', asked, tables, counted.taken);
  // Below a tunnel only what it carries says whose it is, where that can be read.
  if (ended === 0 && !keepsOrigin(asked, ifindex, tables)) return [];
  return [{ device, how: 'egress', way: 'from', by: 'redirect', ended }];
}

type Hook = 'ingress' | 'egress';

function ownEnds({ ifindex, name: device, xdp }: TopologyLink, tables: EndTables, counted: CountedEnds): SilentEnd[] {
  return [
    ...(xdp ? [{ device, how: 'xdp' as const, way: 'from' as const }] : []),
    ...hooksAt(ifindex, tables).map((end): SilentEnd => {
      const way = end.how === 'ingress' ? 'from' : 'to';
      return { device, ...end, way, ...endedAt(ifindex, end.how, way, ifindex, tables, counted) };
    }),
  ];
}

/** Of another device: what comes in by it may be for the asked one, what leaves by it may be from that. */
function endsAt(link: TopologyLink, asked: number, tables: EndTables, counted: CountedEnds): SilentEnd[] {
  const { ifindex, name: device, xdp, received } = link;
  const passed = link.countsEnded ? counted.passed.get(ifindex) : undefined;
  const byXdp: SilentEnd = {
    device,
    how: 'xdp',
    way: 'to',
    received,
    ...(xdp === 'native' && { isNative: true }),
    ...(xdp === 'native' && passed !== undefined && { ended: received - passed }),
  };
  return [
    ...(xdp ? [byXdp] : []),
    ...hooksAt(ifindex, tables).map((end): SilentEnd => {
      const way = end.how === 'ingress' ? 'to' : 'from';
      const isKnown = way === 'to' ? counted.isKnown : keepsOrigin(asked, ifindex, tables);
      const isCounted = isKnown || takenAt(ifindex, end.how, way, asked, tables, counted.taken ?? []) > 0;
      const coming = way === 'to' ? { received } : {};
      return {
        device,
        ...end,
        way,
        ...coming,
        ...(isCounted && endedAt(ifindex, end.how, way, asked, tables, counted)),
      };
    }),
  ];
}

function sinksAt({ name: device, discards }: TopologyLink): SilentEnd[] {
  return discards ? [{ device, how: discards, way: 'from' }] : [];
}

function hooksAt(ifindex: number, { tcEnds }: EndTables): readonly (Pick<SilentEnd, 'by'> & { readonly how: Hook })[] {
  const hooks: readonly Hook[] = ['ingress', 'egress'];
  return hooks.flatMap((how) => {
    const there = tcEnds.filter((one) => one.ifindex === ifindex && one.hook === how);
    if (there.length === 0) return [];
    return [{ how, ...(there.every(({ isAction }) => isAction) && { by: 'action' as const }) }];
  });
}

/** Whether the kernel still knows by which device a packet came: a bridge keeps that on its ports; what its own stack or a VLAN device sends on has come by these. */
function keepsOrigin(asked: number, other: number, { links }: EndTables): boolean {
  const [master, lower] = [links.get(asked)?.master, [...links.values()].some((link) => link.lower === asked)];
  return !lower && (master === undefined || links.get(other)?.master === master);
}

function endedAt(
  at: number,
  how: SilentEnd['how'],
  way: SilentEnd['way'],
  asked: number,
  tables: EndTables,
  { taken }: CountedEnds,
): { readonly ended?: number } {
  // What is redirected in front of a device is sent as a copy, and the packet itself ends there.
  const isMoved = tables.mirred.some((one) => one.from === at && one.hook === how && !one.isCopy);
  if (!taken || isMoved) return {};
  return { ended: takenAt(at, how, way, asked, tables, taken) };
}

function takenAt(
  at: number,
  how: SilentEnd['how'],
  way: SilentEnd['way'],
  asked: number,
  tables: EndTables,
  taken: readonly TakenPackets[],
): number {
  const keys = keysOf(asked, tables);
  const own = taken.filter((one) => one.at === at && one.hook === how && one.way === way && keys.includes(one.device));
  return own.reduce((sum, { packets }) => sum + packets, 0);
}

/** Places where packets of the device ended, although no program was found there. */
function unconfigured(
  asked: number,
  tables: EndTables,
  counted: CountedEnds,
  found: readonly SilentEnd[],
): readonly SilentEnd[] {
  const keys = keysOf(asked, tables);
  const ends = (counted.taken ?? []).filter(({ device }) => keys.includes(device));
  return ends.flatMap(({ at, hook, way }) => {
    const device = tables.links.get(at)?.name;
    const isFound = found.some((one) => one.device === device && one.how === hook && one.way === way);
    const { ended } = endedAt(at, hook, way, asked, tables, counted);
    return device === undefined || isFound || ended === undefined ? [] : [{ device, how: hook, way, ended }];
  });
}
