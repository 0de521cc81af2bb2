// SPDX-License-Identifier: Apache-2.0
// Drops before the host chose an output device: any packet may have been for a device of that namespace.

import type { UnroutedDrop } from '../../snapshot/snapshot.ts';
import type { CountedPackets } from '../../snapshot/surroundings.ts';
import { lossTowards } from '../asked.ts';
import type { Remedy } from '../finding.ts';
import { several } from '../format.ts';
import { hostCommand } from '../remedies/command.ts';
import type { DeviceSpan, Window } from '../window.ts';
import { FEWEST_OFFERED_PER_SECOND, MEANT_SHARE, NOISE_PER_SECOND } from './loss.ts';

/** The fewest drops that count: broadcasts to a device that was left over are fewer. */
export const FEWEST_BESIDE = 50;
/** The same for a device that got nothing: a sender asks for the address once a second, and the answer to that is lost too. */
const FEWEST_OF_SILENT = 5;
/** The share of these in the sum of them and the offered packets. It is a bound: some drops were for no tap. */
const UNROUTED_SHARE = 0.01;
/** Places of drops that are named beside the doubt. */
const MOST_PLACES = 3;

/** Drops in the device's namespace in the window, the most first; empty unless measured from its beginning. */
export function unroutedIn({ now: { netns } }: DeviceSpan, { agentBefore, agent }: Window): readonly UnroutedDrop[] {
  const { unrouted: earlier } = agentBefore;
  if (!earlier) return [];
  const before = (drop: UnroutedDrop): number => earlier.find((one) => isSamePlace(one, drop))?.packets ?? 0;
  return (agent.unrouted ?? [])
    .filter((drop) => drop.netns === netns)
    .map((drop) => ({ ...drop, packets: Math.max(0, drop.packets - before(drop)) }))
    .filter(({ packets }) => packets > 0)
    .sort((a, b) => b.packets - a.packets);
}

function isSamePlace(one: UnroutedDrop, other: UnroutedDrop): boolean {
  return one.netns === other.netns && one.reason === other.reason && one.location === other.location;
}

export function sumOf(drops: readonly UnroutedDrop[]): number {
  return drops.reduce((sum, { packets }) => sum + packets, 0);
}

export function placesOf(drops: readonly UnroutedDrop[]): string {
  return drops
    .slice(0, MOST_PLACES)
    .map(({ reason, location }) => `${reason} in ${location}`)
    .join(', ');
}

/** So many that what is missing behind a device which was `offered` so many may be among them. */
export function mayBeItsOwn(drops: readonly UnroutedDrop[], offered: number): boolean {
  const lost = sumOf(drops);
  return lost >= (offered === 0 ? FEWEST_OF_SILENT : FEWEST_BESIDE) && lost >= UNROUTED_SHARE * (offered + lost);
}

/** Packets of the window that programs of the namespace were not let send, by counter; the most first. */
function refusedSends({ steps, now }: DeviceSpan): readonly CountedPackets[] {
  const first = steps.find(({ surroundings }) => surroundings?.refusedSends)?.surroundings?.refusedSends;
  return (now.surroundings?.refusedSends ?? [])
    .map(({ counter, packets }) => {
      const before = first?.find((one) => one.counter === counter)?.packets ?? 0;
      return { counter, packets: Math.max(0, packets - before) };
    })
    .filter(({ packets }) => packets > 0)
    .toSorted((a, b) => b.packets - a.packets);
}

/** Why they are a doubt about a device that was `offered` so many; undefined: they are too few. */
export function refusedDoubt(device: DeviceSpan, offered: number): string | undefined {
  const refused = refusedSends(device);
  const lost = refused.reduce((sum, { packets }) => sum + packets, 0);
  if (lost < FEWEST_BESIDE || lost < UNROUTED_SHARE * (offered + lost)) return undefined;
  const counters = refused.slice(0, MOST_PLACES).map(({ counter }) => counter);
  return `programs of its namespace were not let send ${several(lost, 'packet')}, for a policy of IPsec or for want of a route (${counters.join(', ')}): whether these were for it is not known`;
}

export interface Doubtful {
  /** The devices of one namespace, the one with the most offered packets first. */
  readonly devices: readonly DeviceSpan[];
  readonly drops: readonly UnroutedDrop[];
}

/**
 * Namespaces in which so much was dropped that it may be what a busy device lacks, although no operator asks about one: a fifth of that
 * and of what all devices there were offered, more than a trickle a second. A firewall drops on purpose, and for idle devices nothing is known.
 */
export function doubtfulNamespaces(window: Window): readonly Doubtful[] {
  const { agentBefore, agent, devices, seconds } = window;
  if (!agent.unrouted || agent.unrouted === agentBefore.unrouted) return [];
  return [...new Set(agent.unrouted.map(({ netns }) => netns))].flatMap((netns) => {
    const offered = devices
      .filter(({ now }) => now.netns === netns)
      .map((device) => ({ device, packets: lossTowards(device).offered }))
      .toSorted((a, b) => b.packets - a.packets);
    const busy = offered.filter(({ packets }) => packets >= FEWEST_OFFERED_PER_SECOND * seconds);
    const [most] = busy;
    if (!most) return [];
    const drops = unroutedIn(most.device, window);
    const lost = sumOf(drops);
    const all = lost + offered.reduce((sum, { packets }) => sum + packets, 0);
    if (lost < FEWEST_BESIDE || lost < NOISE_PER_SECOND * seconds || lost < MEANT_SHARE * all) return [];
    return [{ devices: busy.map(({ device }) => device), drops }];
  });
}

/** Commands that show the causes, the most frequent first. */
export function looksAt(drops: readonly UnroutedDrop[], device: DeviceSpan, window: Window): readonly Remedy[] {
  const [most] = drops;
  const look = (command: string, effect: string): Remedy => hostCommand(device, window, command, effect);
  const firewall = look(
    'nft list ruleset',
    'Shows the rules: those of the hooks prerouting and ingress drop before a device is chosen. iptables-legacy-save -c shows the old tables.',
  );
  const routes = look(
    'ip route show table all',
    'Shows the routes, also those that lead nowhere (unreachable, blackhole, prohibit). ip route get ADDRESS names the one that is taken.',
  );
  const source = look(
    'sysctl net.ipv4.conf.all.rp_filter',
    '1 drops packets whose sender is reached by another device than they came in by; 2, those without a way back. A device’s own, larger setting wins.',
  );
  if (most === undefined) return [routes, firewall];
  if (mayBeFirewall(most)) return [firewall, routes];
  return mayBeSource(most) ? [source, routes] : [routes, firewall];
}

/** Before Linux 5.17 the function alone says so. */
function mayBeFirewall({ reason, location }: UnroutedDrop): boolean {
  return reason === 'NETFILTER_DROP' || (reason === 'NOT_SPECIFIED' && location === 'nf_hook_slow');
}

/** rp_filter, likewise. */
function mayBeSource({ reason, location }: UnroutedDrop): boolean {
  return reason === 'IP_RPFILTER' || (reason === 'NOT_SPECIFIED' && location === 'ip_rcv_finish_core');
}
