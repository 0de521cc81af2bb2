// SPDX-License-Identifier: Apache-2.0
// What a guest sends to multicast groups that the host should route, and drops: no reason tells that from what nobody wants.
import type { Remedy } from '../finding.ts';
import { several } from '../format.ts';
import { hostCommand } from '../remedies/command.ts';
import { type DeviceSpan, grown, type Window } from '../window.ts';
import { refusedByHost } from './from-guest.ts';
import { NOISE_PER_SECOND } from './loss.ts';

/** On a bridge others get copies. undefined: the host does not route, or these are few. */
export function unroutedGroupsDoubt(device: DeviceSpan): string | undefined {
  const { surroundings, bridgePort } = device.now;
  const [most] = routable(device.now);
  if (!most || !surroundings?.forwards || bridgePort !== undefined) return undefined;
  const before = device.steps.find(({ sentOn }) => sentOn) ?? device.before;
  const sent = grown({ before, now: device.now }, (state) => sumOf(routable(state))) ?? 0;
  const lost = Math.min(
    sent,
    refusedByHost(device, ({ unwanted }) => unwanted === true),
  );
  if (lost / device.seconds < NOISE_PER_SECOND) return undefined;
  return `the host dropped ${several(lost, 'packet')} from it for multicast groups (${most.address}): it forwards, and no multicast route or program of its own takes them`;
}

type Groups = NonNullable<DeviceSpan['now']['toGroups']>;

/** Without those of the nearest scope (RFC 2365), and SSDP: whoever looks for a service sends there. */
function routable({ toGroups = [] }: DeviceSpan['now']): Groups {
  return toGroups.filter(({ address }) => !/^239\.255\.255\.|^ff0\w:.*:c$/.test(address));
}

function sumOf(groups: Groups): number {
  return groups.reduce((sum, { packets }) => sum + packets, 0);
}

export function looksAtGroups(device: DeviceSpan, window: Window): readonly Remedy[] {
  if (unroutedGroupsDoubt(device) === undefined) return [];
  const effect =
    'Shows the groups that a multicast router (smcroute, pimd) forwards here. None runs where nothing is shown.';
  return [hostCommand(device, window, 'ip mroute show table all', effect)];
}
