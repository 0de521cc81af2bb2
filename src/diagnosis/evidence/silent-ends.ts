// SPDX-License-Identifier: Apache-2.0
// Packets that may have ended where nothing counts them: told only where packets are missing there.
import type { SilentEnd } from '../../snapshot/surroundings.ts';
import type { Remedy } from '../finding.ts';
import { several } from '../format.ts';
import { hostCommand } from '../remedies/command.ts';
import type { DeviceSpan, Window } from '../window.ts';
import { receivedFrom } from './from-guest.ts';
import { type Loss, lossOf, MEANT_SHARE, NOISE_PER_SECOND } from './loss.ts';

/** Packets a second to the guest: fewer are what the host itself asks now and then. */
const TRICKLE_PER_SECOND = 1;
const FEWEST = 3;
/** Of what comes from it: the host took this, and nobody answers. */
const MOST = 0.5;
const MOST_NAMED = 3;

/** `kept`: packets from it that the host took for itself, by subtraction. */
export function silentDoubts(device: DeviceSpan, towards: Loss, kept: number): readonly string[] {
  const ends = device.now.surroundings?.silentEnds ?? [];
  const isUnanswered = towards.offered / device.seconds < TRICKLE_PER_SECOND;
  const to = ends.filter((end) => end.way === 'to' && getsPackets(device, end));
  const from = ends.filter(({ way, how }) => way === 'from' && how !== 'dummy');
  const isKept = kept >= FEWEST && kept >= MOST * receivedFrom(device);
  return [
    ...(isUnanswered && to.length > 0
      ? [`next to nothing reached it, and ${namesOf(to)} may end packets for it, which no counter shows`]
      : []),
    ...(isUnanswered && isKept && from.length > 0
      ? [
          `${several(kept, 'packet')} from it did not leave the host and got no answer, and ${namesOf(from)} may have ended them, which no counter shows`,
        ]
      : []),
    ...ends.filter(({ how }) => how === 'dummy').flatMap((end) => thrownAway(device, end)),
  ];
}

/** What comes in by another device may be for this one; what its own filters end no counter has. */
function getsPackets({ steps, seconds }: DeviceSpan, { device, how, received }: SilentEnd): boolean {
  if (received === undefined) return true;
  const ends = steps.find(({ surroundings }) => surroundings?.silentEnds)?.surroundings?.silentEnds;
  const before = ends?.find((one) => one.device === device && one.how === how)?.received ?? received;
  return (received - before) / seconds >= NOISE_PER_SECOND;
}

/** `doubts`: of silentDoubts(). */
export function looksAtSilentEnds(device: DeviceSpan, window: Window, doubts: readonly string[]): readonly Remedy[] {
  if (doubts.length === 0) return [];
  return [
    hostCommand(
      device,
      window,
      'bpftool net show',
      'Shows the XDP and tc programs of all devices. tcpdump on a device sees what tc ends there, not what XDP ends.',
    ),
  ];
}

function namesOf(ends: readonly SilentEnd[]): string {
  const names = ends
    .slice(0, MOST_NAMED)
    .map(({ device, how }) => `${how === 'xdp' ? 'XDP' : `tc ${how}`} of ${device}`);
  return `a BPF program (${names.join(', ')})`;
}

function thrownAway(device: DeviceSpan, { device: dummy }: SilentEnd): readonly string[] {
  const first = device.steps.find(({ sentOn }) => sentOn)?.sentOn;
  const sentBy = (ways = first): number => ways?.find((one) => one.device === dummy)?.packets ?? 0;
  const now = sentBy(device.now.sentOn);
  // Counting may have begun anew meanwhile.
  const sent = now >= sentBy() ? now - sentBy() : now;
  const loss = lossOf(sent, Math.max(0, receivedFrom(device) - sent), device.seconds);
  if (sent < FEWEST || loss.share < MEANT_SHARE) return [];
  return [
    `${several(sent, 'packet')} from it were sent on by ${dummy}, a dummy device, which throws away all that it is sent: a route or a filter leads there`,
  ];
}
