// SPDX-License-Identifier: Apache-2.0
// MAC addresses that the guest asks for, and nobody answers: it sends nothing else, and no packet is lost.
import type { AskedFor } from '../../snapshot/device.ts';
import type { Remedy } from '../finding.ts';
import { several } from '../format.ts';
import { hostCommand, quoted } from '../remedies/command.ts';
import type { DeviceSpan, Window } from '../window.ts';
import { type Loss, NOISE_PER_SECOND } from './loss.ts';

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
