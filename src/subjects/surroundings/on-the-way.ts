// SPDX-License-Identifier: Apache-2.0
// By which other devices of its namespace packets to and from a device may pass, as far as the configuration tells.
import type { NamespaceTables } from './read-namespace.ts';

type Tables = Pick<NamespaceTables, 'links' | 'mirred' | 'networks' | 'reach'>;

/**
 * Those that are joined to it: by a bridge or bond, one on top of the other, by a filter that redirects. Where the host forwards what comes from
 * these, all others too; and all where nothing is joined to it, for then only a program can send to it.
 */
export function onTheWay(ifindex: number, tables: Tables): (other: number) => boolean {
  const { links, networks, reach } = tables;
  const joined = joinedTo(ifindex, tables);
  const isRouted =
    networks.some((one) => one.ifindex === ifindex) || [...joined].some((one) => reach.addressed.has(one));
  const { devices, byAll } = reach.forwarding;
  const forwards = byAll || [...joined].some((one) => devices.has(one));
  const isAlone = joined.size === 1 && !isRouted;
  return (other) =>
    links.has(other) && (joined.has(other) || isAlone || (isRouted && (forwards || devices.has(other))));
}

/** Of a host with a thousand devices each asks. */
const joinedIn = new WeakMap<Tables['links'], Map<number, ReadonlySet<number>>>();

function joinedTo(ifindex: number, tables: Tables): ReadonlySet<number> {
  const known = joinedIn.get(tables.links) ?? new Map<number, ReadonlySet<number>>();
  joinedIn.set(tables.links, known);
  const before = known.get(ifindex);
  if (before) return before;
  const beside = pairsOf(tables);
  for (const start of tables.links.keys()) {
    if (known.has(start)) continue;
    const found = new Set([start]);
    // A set's iterator comes to what is added meanwhile.
    for (const one of found) for (const other of beside.get(one) ?? []) if (tables.links.has(other)) found.add(other);
    for (const one of found) known.set(one, found);
  }
  return known.get(ifindex) ?? new Set([ifindex]);
}

function pairsOf({ links, mirred }: Tables): ReadonlyMap<number, readonly number[]> {
  const beside = new Map<number, number[]>();
  const add = (one: number, other: number): void => {
    const list = beside.get(one);
    if (list) list.push(other);
    else beside.set(one, [other]);
  };
  const join = (one: number, other: number | undefined): void => {
    if (other === undefined) return;
    add(one, other);
    add(other, one);
  };
  for (const { ifindex, master, lower } of links.values()) {
    join(ifindex, master);
    join(ifindex, lower);
  }
  for (const { from, to } of mirred) join(from, to);
  return beside;
}
