// SPDX-License-Identifier: Apache-2.0
// What the configuration around a device did to its packets in the window, and what of it could not be read.
import type { AstrayFrames, BridgeTable, TcRedirect, WithheldFrames } from '../../snapshot/surroundings.ts';
import { lossTowards } from '../asked.ts';
import { count, several } from '../format.ts';
import type { DeviceSpan } from '../window.ts';
import { NOISE_PER_SECOND } from './loss.ts';

/** Why what surrounds a device that was asked about leaves a doubt: parts of it cannot be read, or packets not followed. */
export function surroundingDoubts(device: DeviceSpan): readonly string[] {
  const { surroundings, unfollowed = [] } = device.now;
  const unread = surroundings?.unread ?? [];
  return [
    ...heardByNobody(device, 'unknown'),
    ...heardByNobody(device, 'unreported'),
    ...pinnedDoubt(device),
    ...copiesDoubt(device),
    ...(unread.length === 0 ? [] : [`not read: ${unread.join(', ')}`]),
    ...(unfollowed.length === 0 ? [] : [`the kernel does not show ${unfollowed.join(', and ')}`]),
  ];
}

const NOBODY = {
  unknown: 'has seen nobody send from it, and floods what is for it; whether anybody takes that is not known',
  unreported:
    'snoops multicast, nobody has reported that group to it, and it sends them to nobody; whether anybody wants them is not known',
} as const;

function heardByNobody(device: DeviceSpan, cause: keyof typeof NOBODY): readonly string[] {
  const [first] = astrayIn(device).filter((one) => one.cause === cause);
  if (!first || first.packets / device.seconds < NOISE_PER_SECOND) return [];
  return [
    `${several(first.packets, 'frame from its guest is', 'frames from its guest are')} for ${first.address}: ${first.port} ${NOBODY[cause]}`,
  ];
}

/** A few frames are a ping that gets no answer. */
const FEWEST_PINNED = 3;

/** Its guest never spoke, so that nobody knows its address. */
function pinnedDoubt(device: DeviceSpan): readonly string[] {
  const [first] = withheldIn(device, ['pinned']);
  const got = lossTowards(device).offered;
  if (!first || first.packets < FEWEST_PINNED || got > first.packets) return [];
  return [
    `${several(first.packets, 'frame')} for ${first.address} came to its bridge, where a program wrote that address to another port, by which nobody sends from it: if it is the one of its guest, they are lost there`,
  ];
}

const MOSTLY = 0.5;

/** A mirror sends copies that nobody has to take. */
function copiesDoubt(device: DeviceSpan): readonly string[] {
  const first = device.steps.find(({ sentOn }) => sentOn)?.copiesBeyond ?? 0;
  const mirrored = redirectsIn(device, ({ isCopy }) => isCopy).reduce((sum, { packets }) => sum + packets, 0);
  const copies = Math.max(0, (device.now.copiesBeyond ?? 0) - first);
  // A filter's counter is read up to a second earlier.
  if (mirrored >= MOSTLY * copies || copies / device.seconds < NOISE_PER_SECOND) return [];
  return [
    `${several(copies, 'packet from its guest was', 'packets from its guest were')} freed behind it by whom they were not for (OTHERHOST); a capture (tcpdump) or a bridge has copies of them, so that whether the one who is meant got them is not known: ask again without the capture`,
  ];
}

export interface Taken extends TcRedirect {
  /** In the window: packets that the filter took, and those of them that were lost. */
  readonly packets: number;
  readonly failed: number;
}

/** Of filters that were there all the time, and that `wanted` chooses. */
export function redirectsIn({ steps, now }: DeviceSpan, wanted: (redirect: TcRedirect) => boolean): readonly Taken[] {
  const first = steps.find(({ surroundings }) => surroundings)?.surroundings?.redirects ?? [];
  return (now.surroundings?.redirects ?? []).filter(wanted).flatMap((redirect) => {
    const before = first.find((one) => isSame(one, redirect));
    if (!before) return [];
    const since = (key: 'packets' | 'failed'): number => Math.max(0, redirect[key] - before[key]);
    return [{ ...redirect, packets: since('packets'), failed: since('failed') }];
  });
}

function isSame(one: TcRedirect, other: TcRedirect): boolean {
  return one.from === other.from && one.to === other.to && one.hook === other.hook && one.isCopy === other.isCopy;
}

/** Packets that others' filters sent to the device and that the kernel dropped, because it was down or had no carrier. */
export function failedTowards(device: DeviceSpan): readonly Taken[] {
  return redirectsIn(device, ({ to, from }) => to === device.now.name && from !== device.now.name).filter(
    ({ failed }) => failed > 0,
  );
}

export function failedEvidence(failures: readonly Taken[]): string | undefined {
  const [first] = failures.toSorted((a, b) => b.failed - a.failed);
  return first && `${count(first.failed)} that tc at ${first.from} (${first.hook}) redirects to it were dropped there`;
}

/** Frames that the bridge withheld in the window, by cause; the most first. */
export function withheldIn(device: DeviceSpan, causes: readonly WithheldFrames['cause'][]): readonly WithheldFrames[] {
  return grownIn(device, (table) => table.withheld.filter(({ cause }) => causes.includes(cause)));
}

/** Frames of the window from the guest that the bridge did not send where they should go; the most first. */
export function astrayIn(device: DeviceSpan): readonly AstrayFrames[] {
  return grownIn(device, ({ astray = [] }) => astray);
}

function grownIn<Frames extends WithheldFrames | AstrayFrames>(
  { steps, now }: DeviceSpan,
  of: (table: BridgeTable) => readonly Frames[],
): readonly Frames[] {
  const table = now.surroundings?.table;
  const first = steps.find(({ surroundings }) => surroundings?.table)?.surroundings?.table;
  const earlier = first ? of(first) : [];
  return (table ? of(table) : [])
    .map((one) => {
      const before = earlier.find((other) => keyOf(other) === keyOf(one));
      // Counting may have begun anew meanwhile.
      const packets = before && before.packets <= one.packets ? one.packets - before.packets : one.packets;
      return { ...one, packets };
    })
    .filter(({ packets }) => packets > 0)
    .toSorted((a, b) => b.packets - a.packets);
}

function keyOf({ packets: _, ...frames }: WithheldFrames | AstrayFrames): string {
  return Object.values(frames).join(' ');
}
