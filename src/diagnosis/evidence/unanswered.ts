// SPDX-License-Identifier: Apache-2.0
// What the guest sends and nobody answers, without a packet that is lost: questions for MAC addresses, and packets with a source that the host does not have.
import type { AskedFor } from '../../snapshot/device.ts';
import type { Remedy } from '../finding.ts';
import { several } from '../format.ts';
import { hostCommand, quoted } from '../remedies/command.ts';
import type { DeviceSpan, Window } from '../window.ts';
import { receivedFrom } from './from-guest.ts';
import { type Loss, NOISE_PER_SECOND, TRICKLE_PER_SECOND } from './loss.ts';

/** One question may wait for its answer, and be asked twice. */
const FEWEST = 3;

/** In the window; empty: somebody is answered, or packets come to it all the same. */
function unansweredIn(device: DeviceSpan, towards: Loss): readonly AskedFor[] {
  const first = device.steps.find(({ sentOn }) => sentOn)?.askedFor ?? [];
  const asked = (device.now.askedFor ?? []).map((one) => {
    const before = first.find(({ address }) => address === one.address);
    return { ...one, asked: one.asked - (before?.asked ?? 0), answered: one.answered - (before?.answered ?? 0) };
  });
  const isAnswered = asked.some(({ answered }) => answered > 0);
  if (isAnswered || towards.offered / device.seconds >= NOISE_PER_SECOND) return [];
  return asked.filter((one) => one.asked >= FEWEST).toSorted((a, b) => b.asked - a.asked);
}

export function unansweredDoubt(device: DeviceSpan, towards: Loss): string | undefined {
  const [first] = unansweredIn(device, towards);
  return (
    first &&
    `its guest asked ${several(first.asked, 'time')} for the MAC address of ${first.address}, and was sent no answer`
  );
}

/** Answers to an address that the host does not have may never come here. */
export function foreignSourceDoubt(device: DeviceSpan, towards: Loss): string | undefined {
  const [first] = device.now.surroundings?.foreignSources ?? [];
  if (!first || towards.offered / device.seconds >= TRICKLE_PER_SECOND || receivedFrom(device) < FEWEST)
    return undefined;
  return `what ${first.from} sends leaves as ${first.as} (SNAT), which is no address of this host, and next to nothing comes back: answers may go elsewhere`;
}

export function looksAtForeignSources(device: DeviceSpan, window: Window, towards: Loss): readonly Remedy[] {
  if (foreignSourceDoubt(device, towards) === undefined) return [];
  const effect = 'Shows the rules: masquerade, or snat to an address that the host has, brings the answers back.';
  return [hostCommand(device, window, 'nft list ruleset', effect)];
}

/** Where the answer may have been kept from it. */
export function looksAtUnanswered(device: DeviceSpan, window: Window, towards: Loss): readonly Remedy[] {
  const [first] = unansweredIn(device, towards);
  if (!first) return [];
  const { bridgePort: port, name } = device.now;
  const by = quoted(port && port !== 'unread' ? port.bridge : name);
  const look = (command: string, effect: string): Remedy => hostCommand(device, window, command, effect);
  const way = look(
    `ip route get ${first.address}`,
    'Shows who should answer: local is the host itself; a device is the way to the one that has the address.',
  );
  if (first.address.includes(':'))
    return [
      way,
      look(
        `ip -6 address show dev ${by}`,
        'The host answers for addresses that are here, and not tentative or dadfailed; for others only by proxy_ndp.',
      ),
    ];
  return [
    way,
    look(
      "sysctl -a -r 'conf.*arp'",
      'arp_ignore and arp_filter keep the host from answering for its own address; without proxy_arp it answers for no other.',
    ),
    look(`ip link show dev ${by}`, 'With NOARP it answers nobody.'),
  ];
}
