// SPDX-License-Identifier: Apache-2.0
// What the mode and the address of a macvtap keep from its guest, and from those to whom it sends: no counter of the kernel's has it.
import type { MacvtapReach } from '../../snapshot/surroundings.ts';
import { count, nameOf, several } from '../format.ts';
import type { DeviceSpan } from '../window.ts';

/** A few frames are a ping that gets no answer. */
const FEWEST = 3;

/** Why what its guest sends may not arrive, or what is sent to it; `came`: packets to the guest. */
export function reachDoubts(device: DeviceSpan, came: number): readonly string[] {
  const reach = reachIn(device);
  return reach
    ? [
        ...byAddress(device, reach),
        ...byMode(device, reach),
        ...missedBy(device, reach),
        ...toNobody(device, reach, came),
      ]
    : [];
}

/** Frames of the window. */
function reachIn({ steps, now }: DeviceSpan): MacvtapReach | undefined {
  const reach = now.macvtap?.reach;
  const first = steps.find(({ macvtap }) => macvtap?.reach)?.macvtap?.reach;
  if (!reach || !first) return undefined;
  const since = (packets: number, before = 0): number => (packets >= before ? packets - before : packets);
  const of = <Row extends { readonly address: string }>(rows: readonly Row[], address: string): Row | undefined =>
    rows.find((one) => one.address === address);
  return {
    ...reach,
    senders: reach.senders.map((one) => {
      const before = of(first.senders, one.address);
      return {
        ...one,
        packets: since(one.packets, before?.packets),
        arrived: since(one.arrived, before?.arrived),
      };
    }),
    beside: reach.beside.map((one) => ({
      ...one,
      packets: since(one.packets, of(first.beside, one.address)?.packets),
    })),
    missed: reach.missed.map((one) => ({
      ...one,
      packets: since(one.packets, of(first.missed, one.address)?.packets),
    })),
    arrived: since(reach.arrived, first.arrived),
    returned: since(reach.returned, first.returned),
    toMany: since(reach.toMany, first.toMany),
  };
}

/** What is for an address that it does not take goes to the host itself, or the network card throws it away. */
function byAddress(device: DeviceSpan, { address, takesAll, senders, below }: MacvtapReach): readonly string[] {
  const [other] = takesAll ? [] : senders.filter((one) => one.address !== address && one.packets >= FEWEST);
  if (!other) return [];
  const lost =
    other.arrived > 0 ? `, and ${several(other.arrived, 'frame')} to it came in by ${below} and went past it` : '';
  return [
    `its guest sends from ${other.address}, and ${nameOf(device)} takes only frames for ${address}${lost}: give the two the same MAC address`,
  ];
}

function byMode(device: DeviceSpan, { mode, below, beside, returned }: MacvtapReach): readonly string[] {
  const lost = beside.reduce((sum, { packets }) => sum + packets, 0);
  const [first] = beside.toSorted((a, b) => b.packets - a.packets);
  if (!first || lost < FEWEST || returned >= lost / 2) return [];
  const isBelow = first.device === below;
  const why = isBelow
    ? `${below} itself, on which ${nameOf(device)} was made: whatever its mode, such frames go to the network`
    : `${first.device}, which is on ${below} too: in mode ${mode} such frames go to the network`;
  const remedy = isBelow
    ? 'a macvlan of mode bridge on the host would be reached'
    : 'both have to be of mode bridge, or the switch has to reflect (hairpin)';
  return [
    `${several(lost, 'frame from its guest is', 'frames from its guest are')} for ${why}, which sent ${returned === 0 ? 'none' : count(returned)} back: ${remedy}`,
  ];
}

function missedBy(device: DeviceSpan, { mode, below, missed, arrived }: MacvtapReach): readonly string[] {
  const lost = missed.reduce((sum, { packets }) => sum + packets, 0);
  const [first] = missed.toSorted((a, b) => b.packets - a.packets);
  if (!first || lost < FEWEST || arrived >= lost / 2) return [];
  return [
    `${several(lost, 'frame', 'frames')} to it ${lost === 1 ? 'comes' : 'come'} from ${first.device}, which is on ${below} too: ${nameOf(device)} is of mode ${mode}, such frames go to the network, and ${arrived === 0 ? 'none' : count(arrived)} came back`,
  ];
}

/** It asks for others (ARP, DHCP), and gets nothing. */
function toNobody(device: DeviceSpan, { senders, toMany }: MacvtapReach, came: number): readonly string[] {
  const sent = senders.reduce((sum, { packets }) => sum + packets, 0);
  if (came > 0 || toMany < FEWEST || toMany < sent) return [];
  return [
    `its guest sent ${several(toMany, 'frame')} to all (ARP, DHCP and the like) in ${device.seconds.toFixed(0)} s and nothing else, and nothing came to it: nobody answers, or the answers do not get here`,
  ];
}
