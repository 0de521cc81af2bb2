// SPDX-License-Identifier: Apache-2.0
// Which rule of the firewall drops, where that is certain, and which chains may.
import type { Dropper } from '../../snapshot/firewall.ts';
import type { Remedy } from '../finding.ts';
import { count } from '../format.ts';
import type { Way } from '../reasons/drop-row.ts';
import { hostCommand, quoted } from '../remedies/command.ts';
import type { DeviceSpan, Window } from '../window.ts';
import { isFirewallDrop } from './drop-kinds.ts';
import { dropsTowards } from './loss.ts';

/** Hooks that a packet passes before the host chooses the device that it is for. */
const EARLY: readonly (string | undefined)[] = ['prerouting', 'ingress'];

export interface Culprit {
  readonly dropper: Dropper;
  /** Why no other can be, a sentence. */
  readonly because: string;
}

interface Grown {
  readonly dropper: Dropper;
  /** In the window; undefined: it has no counter, or was not there before. */
  readonly grown: number | undefined;
}

/** Of what is freed on its way to the device, or from it. undefined: it is not certain, or the rules could not be read. */
export function culpritOf(device: DeviceSpan, way: Way): Culprit | undefined {
  const droppers = droppersOf(device, way);
  if (droppers.length === 0 || (device.now.firewall?.others.length ?? 1) > 0) return undefined;
  // What has a counter that stood still dropped nothing.
  const possible = droppers.filter(({ grown }) => grown !== 0);
  const [one, another] = possible;
  if (!one || another) return undefined;
  return { dropper: one.dropper, because: reason(one, droppers.length) };
}

function reason({ grown }: Grown, all: number): string {
  const counted = grown === undefined ? 'has no counter' : `dropped ${count(grown)} meanwhile by its counter`;
  if (all === 1) return `nothing else in nf_tables drops there; it ${counted}`;
  return `it ${counted}; what else drops there has counters, and they stood still`;
}

/** Those that such a packet may meet. */
function droppersOf({ before, now }: DeviceSpan, way: Way): readonly Grown[] {
  // At another device, by which it came.
  const isEarly = dropsTowards(now)?.some((drop) => isFirewallDrop(drop) && drop.device !== undefined);
  // What comes from the device is forwarded, goes to the host's own sockets, or leaves again in a tunnel's packet.
  const isMet = (hook: string | undefined): boolean =>
    way === 'from' || (hook !== 'input' && (isEarly || !EARLY.includes(hook)));
  const first = new Map((before.firewall?.droppers ?? []).map((one) => [keyOf(one), one]));
  return (now.firewall?.droppers ?? [])
    .filter(({ family, hook }) => family !== 'arp' && isMet(hook))
    .map((dropper) => {
      const earlier = first.get(keyOf(dropper))?.packets;
      const isCounted = earlier !== undefined && dropper.packets !== undefined;
      return { dropper, grown: isCounted ? dropper.packets - earlier : undefined };
    });
}

function keyOf({ family, table, chain, handle }: Dropper): string {
  return JSON.stringify([family, table, chain, handle ?? 'policy']);
}

/** 'rule 7 of chain forward, table inet filter' */
export function dropperName({ family, table, chain, handle }: Dropper): string {
  const place = `chain ${chain}, table ${family} ${table}`;
  return handle === undefined ? `the policy of ${place}` : `rule ${handle} of ${place}`;
}

/** Where it is not certain which rule it is: chains whose policy is to drop. undefined: none is, or they could not be read. */
export function policiesOf(device: DeviceSpan): string | undefined {
  const policies = droppersOf(device, 'to').filter(({ dropper, grown }) => dropper.handle === undefined && grown !== 0);
  if (policies.length === 0) return undefined;
  const names = policies.map(({ dropper: { family, table, chain } }) => `${family} ${table} ${chain}`);
  return `what no rule accepts is dropped (policy drop) in ${names.slice(0, MOST_NAMED).join(', ')}`;
}

const MOST_NAMED = 3;

/** The rules of its chain with their handles and counters. */
export function showChain({ dropper }: Culprit, device: DeviceSpan, window: Window): Remedy {
  const { family, table, chain, handle } = dropper;
  const where =
    handle === undefined ? 'what it does not accept is dropped' : `the rule that drops ends with “handle ${handle}”`;
  return hostCommand(
    device,
    window,
    `nft -a list chain ${family} ${quoted(table)} ${quoted(chain)}`,
    `Shows the chain: ${where}. If it is meant, nothing is to be done.`,
  );
}
