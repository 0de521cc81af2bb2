// SPDX-License-Identifier: Apache-2.0
import { hasBackend } from '../../snapshot/queue.ts';
import { lossOnTheWayBack, lossTowards } from '../asked.ts';
import { hiddenReceive, isHiding, receivedFrom } from '../evidence/from-guest.ts';
import { isMostOfFew, type Loss, lossBefore, lostInTun, MEANT_SHARE } from '../evidence/loss.ts';
import { reachDoubts } from '../evidence/macvtap-reach.ts';
import { programDoubts } from '../evidence/program-side.ts';
import { looksAtSilentEnds, silentDoubts } from '../evidence/silent-ends.ts';
import { surroundingDoubts } from '../evidence/surroundings.ts';
import {
  foreignSourceDoubt,
  looksAtForeignSources,
  looksAtUnanswered,
  unansweredDoubt,
} from '../evidence/unanswered.ts';
import {
  FEWEST_BESIDE,
  looksAt,
  mayBeItsOwn,
  placesOf,
  refusedDoubt,
  sumOf,
  unroutedIn,
} from '../evidence/unrouted.ts';
import { looksAtGroups, unroutedGroupsDoubt } from '../evidence/unrouted-groups.ts';
import { looksAtUnsent, unsentDoubts } from '../evidence/unsent.ts';
import { looksAtUnserved, unservedDoubts } from '../evidence/unserved.ts';
import { lateDoubt } from '../evidence/when-read.ts';
import type { Diagnosis } from '../finding.ts';
import { count, duration, nameOf, several } from '../format.ts';
import { keptByHost, ledgerOf, UNDER_WAY } from '../ledger.ts';
import { onDevice } from '../make-finding.ts';
import { harmlessEvidence } from '../reasons/causes.ts';
import { inNamespaceOf, quoted } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { type DeviceSpan, grown, type Window } from '../window.ts';

const MOST_FEW = 50;

export const notHere: Rule = {
  name: 'not-here',
  summary: 'packets of a device that was asked about are lost elsewhere, not between the host and its guest or reader',
  explanation:
    'Given only if one device is asked about, and nothing is wrong with it. Every boundary was watched without a gap: firewall, qdisc and bridge in front of the device, its ring, its reader, and the way back. If packets are missing, look further: in the guest, in the user-space stack of a VPN (its own socket’s buffer), or in the network behind.\n\n' +
    'It is not given if something could not be measured, or figures are not exact. The answer is UNKNOWN instead of OK, and says why. Examples: a counter of the kernel grew and no probe explains it; too few packets were lost to say why; or nothing reached the device and its bridge filters VLANs, for no counter has the frames that its port does not allow. The host may also drop packets in its namespace before it chooses a device for them: a firewall in PREROUTING or ingress, no route, rp_filter. Which device they were for is unknown. So the answer is UNKNOWN from 50 of them on, if they are at least 1 % of these and the packets that the device was offered, and from 5 on if it was offered none.',
  symptom: 'clean',
  needs: ['devices', 'freed', 'before'],
  judge: (window, asked) => {
    if (asked?.now.macvtap) return cleanMacvtap(asked, window);
    return asked && isWatched(asked, window) ? clean(asked, window) : [];
  },
};

/** What came to it and from it, by the kernel's counters; its reader is not sampled. */
function cleanMacvtap(device: DeviceSpan, window: Window): readonly Diagnosis[] {
  const { up, carrier, degraded, attachedQueues } = device.now;
  if (!up || !carrier || degraded.length > 0 || attachedQueues === 0) return [];
  const came = grown(device, ({ macvtap }) => macvtap?.offered) ?? 0;
  const [sent, back] = [receivedFrom(device), lossOnTheWayBack(device)];
  const unrouted = unroutedIn(device, window);
  const doubts = [
    isMostOfFew(back)
      ? `the host dropped ${count(back.lost)} of ${several(back.offered, 'packet')} from it${fewWords(back)}`
      : undefined,
    mayBeItsOwn(unrouted, came)
      ? `${several(sumOf(unrouted), 'packet that came into its namespace was', 'packets that came into its namespace were')} dropped before the host chose a device for them (${placesOf(unrouted)})`
      : undefined,
    ...reachDoubts(device, came),
    ...surroundingDoubts(device),
  ].flatMap((doubt) => doubt ?? []);
  const said = onDevice(device, {
    severity: 'info',
    cause:
      doubts.length > 0
        ? `${nameOf(device)} shows no cause of a loss that is large enough to judge.`
        : `${nameOf(device)} ${came + sent === 0 ? 'saw no packet in either direction: frames for another MAC address than its own go to the host' : 'lost no packet here: packets that are missing were lost elsewhere'}.`,
    evidence: [
      `${several(came, 'packet')} to its guest or reader and ${count(sent)} from it in ${device.seconds.toFixed(0)} s`,
      ...harmlessEvidence(device),
    ],
    remedies: [
      ...(doubts.length > 0 ? looksAt(unrouted, device, window) : []),
      look(
        inNamespaceOf(device, window, `ip -d link show dev ${quoted(device.now.name)}`),
        'Shows its MAC address, which has to be the guest’s, its mode, and the device below it.',
        'host',
      ),
      look('ethtool -S eth0', 'In the guest: drops and errors of its driver and rings.', 'guest'),
    ],
    rejected: [],
    confidence: 'low',
  });
  return [{ ...said, doubts }];
}

function isWatched(device: DeviceSpan, { agent }: Window): boolean {
  const { now, queues } = device;
  const sure = now.degraded.length === 0 && queues.every((queue) => queue.now.degraded.length === 0);
  return (
    sure &&
    now.up &&
    now.counters !== undefined &&
    !isHiding(device) &&
    // At level lean nothing is attached on the way to a queue: the kernel's own counters are exact for the device.
    (agent.level === 'lean' || agent.probes.every(({ attached }) => attached))
  );
}

function clean(device: DeviceSpan, window: Window): readonly Diagnosis[] {
  const [towards, back] = [lossTowards(device), lossOnTheWayBack(device)];
  const inTun = lostInTun(device);
  const before = lossBefore(device, () => true)?.lost ?? 0;
  const inRings = device.queues.reduce((sum, { now: { ring } }) => sum + (ring?.occupancy ?? 0), 0);
  const waiting = inRings + (device.now.backlog?.packets ?? 0);
  const unrouted = unroutedIn(device, window);
  const isLost = mayBeItsOwn(unrouted, towards.offered);
  const isIdle = towards.offered + back.offered === 0;
  const doubts = doubtsOf(device, window, towards, back);
  return [
    {
      ...onDevice(device, {
        severity: 'info',
        cause: isLost
          ? `${nameOf(device)}: ${several(sumOf(unrouted), 'packet was', 'packets were')} dropped in its namespace before the host chose a device for them.`
          : `${nameOf(device)} ${doubts.length > 0 ? 'shows no cause of a loss that is large enough to judge' : sentenceOf(device, towards, back, waiting)}.`,
        evidence: [
          `${several(towards.offered - towards.lost, 'packet')} to its guest or reader and ${count(receivedFrom(device))} from it passed in ${device.seconds.toFixed(0)} s, ${count(waiting)} wait`,
          towards.lost + back.lost === 0
            ? 'no packet was lost on the way to its guest or reader, nor on the way back'
            : `lost on the way to its guest or reader: ${count(before)} before tun, ${count(inTun)} in tun, ${count(towards.lost - before - inTun)} uncounted; on the way back: ${count(back.lost)}`,
          ...(unrouted.length > 0
            ? [
                `${count(sumOf(unrouted))} that came into its namespace were dropped before the host chose a device (${placesOf(unrouted)})`,
              ]
            : []),
          ...harmlessEvidence(device),
        ],
        remedies:
          isLost || (isIdle && unrouted.length > 0)
            ? looksAt(unrouted, device, window)
            : [
                ...looksAtUnanswered(device, window, towards),
                ...looksAtForeignSources(device, window, towards),
                ...looksAtGroups(device, window),
                ...looksAtUnsent(device, window),
                ...looksAtUnserved(device, window, keptByHost(device)),
                ...looksAtSilentEnds(device, window, silentDoubts(device, window, towards, keptByHost(device))),
                ...elsewhere(device, window, towards),
              ],
        rejected: [],
        confidence: doubts.length > 0 ? 'low' : 'medium',
      }),
      doubts,
    },
  ];
}

function sentenceOf(device: DeviceSpan, towards: Loss, back: Loss, waiting: number): string {
  const lost = towards.lost + back.lost;
  if (towards.offered + back.offered + waiting === 0)
    return 'saw no packet in either direction: packets that are missing were lost before it';
  if (lost === 0) return 'lost no packet here: packets that are missing were lost elsewhere';
  const ago = lastLossAgo(device);
  // Whoever asks again after a remedy wants to know whether it has ended.
  return ago >= ENDED_SECONDS
    ? `lost ${several(lost, 'packet')} here until ${duration(ago)} ago, and none since: that has ended`
    : `lost only ${several(lost, 'packet')} here: if more are missing, they were lost elsewhere`;
}

/** A loss that pauses for less goes on. */
const ENDED_SECONDS = 3;

/** Seconds since the last step in which packets were lost, on either way. */
function lastLossAgo({ steps, takenAt, agent }: DeviceSpan): number {
  for (let to = steps.length - 1; to > 0; to--) {
    const [before, now, since = 0, until = 0] = [steps[to - 1], steps[to], takenAt[to - 1], takenAt[to]];
    if (!before || !now) return 0;
    const part = {
      seconds: until - since,
      before,
      now,
      steps: [before, now],
      takenAt: [since, until],
      queues: [],
      agent,
    };
    if (lossTowards(part).lost + lossOnTheWayBack(part).lost > 0) return (takenAt.at(-1) ?? 0) - until;
  }
  return 0;
}

/** Drops of the other devices of its namespace: packets for this device may be among them. */
function droppedBeside(device: DeviceSpan, { devices }: Window): number {
  const others = devices.filter((other) => other !== device && other.now.netns === device.now.netns);
  return others.reduce(
    (sum, other) => sum + (lossBefore(other, () => true)?.lost ?? 0) + lossOnTheWayBack(other).lost,
    0,
  );
}

/** Why the answer is not OK, although no rule found a fault. */
function doubtsOf(device: DeviceSpan, window: Window, towards: Loss, back: Loss): readonly string[] {
  const isIdle = towards.offered + back.offered === 0;
  const beside = isIdle ? droppedBeside(device, window) : 0;
  const unrouted = unroutedIn(device, window);
  const hidden = hiddenReceive(device);
  const unknown = ledgerOf(device)?.to.unaccounted ?? 0;
  const doubts = [
    device.now.bridgePort === 'unread'
      ? 'it is a port of a bridge whose types cannot be read: whether the port forwards is not known'
      : undefined,
    filtersVlans(device) && towards.offered === 0
      ? 'nothing reached it, and its bridge filters VLANs: frames of a VLAN that its port does not allow are lost uncounted'
      : undefined,
    isMostOfFew(towards)
      ? `${count(towards.lost)} of ${several(towards.offered, 'packet to it was', 'packets to it were')} lost${fewWords(towards)}`
      : undefined,
    isMostOfFew(back)
      ? `the host dropped ${count(back.lost)} of ${several(back.offered, 'packet')} from it${fewWords(back)}`
      : undefined,
    unknown > UNDER_WAY
      ? `${several(unknown, 'packet has', 'packets have')} no known fate: the kernel counted them, and no probe saw them`
      : undefined,
    hidden > 0 ? `the kernel’s rx_dropped grew by ${count(hidden)} and no probe saw why` : undefined,
    ...losingNeighbours(device, window),
    unansweredDoubt(device, towards),
    foreignSourceDoubt(device, towards),
    unroutedGroupsDoubt(device),
    refusedDoubt(device, towards.offered),
    ...unservedDoubts(device, keptByHost(device)),
    ...unsentDoubts(device),
    ...silentDoubts(device, window, towards, keptByHost(device)),
    beside >= FEWEST_BESIDE
      ? `it saw no packet while ${several(beside, 'packet to or from other devices of its namespace was', 'packets to and from other devices of its namespace were')} dropped`
      : undefined,
    mayBeItsOwn(unrouted, towards.offered)
      ? `${isIdle ? 'it saw no packet while ' : ''}${several(sumOf(unrouted), 'packet that came into its namespace was', 'packets that came into its namespace were')} dropped before the host chose a device for them (${placesOf(unrouted)})${isIdle ? '' : `; it was offered ${count(towards.offered)}, and how many of the others were for it is not known`}`
      : undefined,
  ];
  const late = lateDoubt(device, window);
  return [
    ...doubts.flatMap((doubt) => doubt ?? []),
    ...surroundingDoubts(device),
    ...programDoubts(device),
    ...(late === undefined ? [] : [late]),
  ];
}

/** Devices of ours that the host sent its packets on to, and that lost much of what they were offered. */
function losingNeighbours(device: DeviceSpan, { devices }: Window): readonly string[] {
  const names = new Set((device.now.sentOn ?? []).flatMap(({ device: to }) => to ?? []));
  return devices
    .filter(({ now }) => now !== device.now && now.netns === device.now.netns && names.has(now.name))
    .flatMap((other) => {
      const loss = lossTowards(other);
      if (loss.lost < FEWEST_BESIDE || loss.share < MEANT_SHARE) return [];
      const name = nameOf(other);
      return [
        `the host sends on to ${name} what comes from it, and ${name} lost ${count(loss.lost)} of ${several(loss.offered, 'packet')}: ask about ${name}`,
      ];
    });
}

/** Of a few packets no share is certain. */
function fewWords({ lost }: Loss): string {
  return lost <= MOST_FEW ? ', too few to say why' : ', and no rule says why';
}

function filtersVlans({ now: { bridgePort: port } }: DeviceSpan): boolean {
  return port !== undefined && port !== 'unread' && port.filtersVlans === true;
}

/** The next places to look, by the program that has the device. */
function elsewhere(device: DeviceSpan, window: Window, towards: Loss): Diagnosis['remedies'] {
  const program = device.queues.find(({ now }) => now.owner?.identity?.program)?.now.owner?.identity?.program;
  const isMachine = program !== undefined && MACHINES.includes(program);
  const hasGuest = isMachine || device.queues.some(({ now }) => hasBackend(now));
  const guest = look('ethtool -S eth0', 'In the guest: drops and errors of its driver and rings.', 'guest');
  const sockets = look(
    inNamespaceOf(device, window, 'nstat -az UdpRcvbufErrors UdpSndbufErrors'),
    'Packets that the program’s own UDP socket had no room for; where it runs in another namespace, look there.',
    'host',
  );
  const vlans = look(
    inNamespaceOf(device, window, `bridge vlan show dev ${quoted(device.now.name)}`),
    'Shows the VLANs that the port allows; bridge vlan show has those of all ports: where a frame comes in, and here, its VLAN has to be there.',
    'host',
  );
  if (filtersVlans(device) && towards.offered === 0) return [vlans];
  if (hasGuest) return [guest];
  return device.now.kind === 'tun' || program ? [sockets] : [guest, sockets];
}

const MACHINES: readonly string[] = ['qemu', 'firecracker', 'cloud-hypervisor', 'kata', 'crosvm'];

function look(command: string, effect: string, by: 'host' | 'guest'): Diagnosis['remedies'][number] {
  return { command, effect, lossless: true, restart: false, by };
}
