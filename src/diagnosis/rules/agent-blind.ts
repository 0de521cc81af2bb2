// SPDX-License-Identifier: Apache-2.0

import { tapscope } from '../../own-command.ts';
import { lossTowards } from '../asked.ts';
import { hiddenReceive, isHiding, receivedFrom } from '../evidence/from-guest.ts';
import { doubtsOf, slightSplit } from '../evidence/split.ts';
import { type Doubtful, doubtfulNamespaces, looksAt, placesOf, sumOf } from '../evidence/unrouted.ts';
import type { Diagnosis, Remedy } from '../finding.ts';
import { count, nameOf, percent, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { hostCommand, quoted } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { lostBecause, unwatched } from '../unwatched.ts';
import { type DeviceSpan, grown, type Window } from '../window.ts';

export const agentBlind: Rule = {
  name: 'agent-blind',
  summary: 'tapscope cannot measure something on this host, so OK would prove nothing',
  explanation:
    'An event cannot be measured here, or some events could not be counted. Or a namespace could not be entered, a snapshot was incomplete, or the figures of a device are inexact. Findings are still true, but the absence of others proves nothing, so the answer is never OK. If single queues lack some packets that only the kernel counted, the figures of the device are exact. The answer says so, and is unknown only if they are more than 1 % of the packets, or drops that would be a finding. If the figures of more than five devices are inexact, or something is not measured at all, one finding names all; it also says if tapscope exceeds its budget. If a device’s rx_dropped grows and no probe saw why, packets of its guest or writer are lost: the worst five devices of a host are named. A firewall in PREROUTING, or a missing route, drops packets before the host chooses a device. If that is a fifth of what comes into a namespace, its busiest five devices are named. How many of the packets were for them is unknown.\n\n' +
    'tapscope doctor names what is missing, and the right or kernel feature that is needed.',
  symptom: 'agent',
  needs: [],
  judge: (window, asked) => {
    const inexact = window.devices.flatMap(inexactness);
    const spots = blindSpots(window);
    const isFolded = spots.length > 0 || inexact.length > MOST_SINGLE;
    const single = isFolded ? inexact.filter(({ device }) => device === asked) : inexact;
    // Who asks about one device has no doubt because of others.
    const folded = asked ? [] : inexact.filter((one) => !single.includes(one));
    return [
      ...onHost(spots, folded),
      ...single.map(inexactDevice),
      ...lackingQueues(window, asked, isFolded),
      ...hidingDevices(window, asked),
      // The rule not-here says it of a device that is asked about, from fewer packets on.
      ...(asked ? [] : doubtfulNamespaces(window).flatMap((one) => droppedBefore(one, window))),
    ];
  },
};

/**
 * Where more devices are inexact, or something is not seen at all, one finding tells of all: what is wrong is with the agent, not with each of
 * a thousand guests. A device that is asked about has its own.
 */
const MOST_SINGLE = 5;

interface Inexact {
  readonly device: DeviceSpan;
  readonly reasons: readonly string[];
}

function doctor(): Remedy {
  return {
    command: tapscope('doctor'),
    inspects: true,
    effect: 'Says what is missing, why, and which right or kernel feature brings it.',
    lossless: true,
    restart: false,
    by: 'host',
  };
}

/** `folded`: devices that are not told of one by one. */
function onHost(spots: readonly string[], folded: readonly Inexact[]): readonly Diagnosis[] {
  const inexact = inexactFigures(folded);
  const blind = [...spots, ...inexact];
  if (blind.length === 0) return [];
  return [
    {
      severity: 'info',
      netns: undefined,
      device: undefined,
      queue: undefined,
      cause: `tapscope does not see everything on this host: ${firstOf(blind)}.`,
      evidence: blind.slice(0, 5),
      remedies: [doctor()],
      rejected: [],
      confidence: 'high',
      degraded: inexact,
      doubts: spots,
    },
  ];
}

/** One sentence for all. */
function inexactFigures(inexact: readonly Inexact[]): readonly string[] {
  const [first] = inexact;
  if (first === undefined) return [];
  const whose = inexact.length === 1 ? nameOf(first.device) : several(inexact.length, 'device');
  return [`the figures of ${whose} are not exact: ${firstOf(reasonsOf(inexact))}`];
}

/** The accounts of the device say that they are not exact. */
function inexactness(device: DeviceSpan): readonly Inexact[] {
  const reasons = [...new Set([device.now, ...device.now.queues].flatMap((one) => doubtsOf(device, one)))];
  return reasons.length === 0 ? [] : [{ device, reasons }];
}

/** Each once. */
function reasonsOf(inexact: readonly Inexact[]): readonly string[] {
  return [...new Set(inexact.flatMap(({ reasons }) => reasons))];
}

function inexactDevice({ device, reasons }: Inexact): Diagnosis {
  const said = onDevice(device, {
    severity: 'info',
    cause: `The figures of ${nameOf(device)} are not exact: ${firstOf(reasons)}.`,
    evidence: reasons,
    remedies: [doctor()],
    rejected: [],
    confidence: 'high',
  });
  return { ...said, degraded: reasons };
}

/** Devices that are exact and whose single queues lack packets: a few, or the one that is asked about. */
function lackingQueues({ devices }: Window, asked: DeviceSpan | undefined, isFolded: boolean): readonly Diagnosis[] {
  const lacking = devices.flatMap((device) => {
    const split = slightSplit(device);
    return split && split.lacking > 0 ? [{ device, split }] : [];
  });
  return lacking.flatMap(({ device, split }) => {
    if ((isFolded || lacking.length > MOST_SINGLE) && device !== asked) return [];
    const packets = `${count(split.lacking)} of ${several(split.offered, 'packet')}`;
    return onDevice(device, {
      severity: 'info',
      cause: `Figures of ${nameOf(device)} are exact, those of single queues but for ${packets} (${percent(split.lacking / split.offered)}) that only the kernel counted.`,
      evidence: [split.reason],
      remedies: [],
      rejected: [],
      confidence: 'high',
    });
  });
}

/** Devices whose guests or writers lose packets for an unknown cause: the worst ones, and one that is asked about. */
function hidingDevices(window: Window, asked: DeviceSpan | undefined): readonly Diagnosis[] {
  const hiding = window.devices.filter(isHiding).map((device) => ({ device, lost: hiddenReceive(device) }));
  const told = hiding
    .toSorted((a, b) => b.lost - a.lost)
    .filter(({ device }, place) => place < MOST_SINGLE || device === asked);
  return told.map(({ device, lost }) => {
    const doubt = `the kernel’s rx_dropped grew by ${count(lost)} and no probe saw why`;
    const said = onDevice(device, {
      severity: 'info',
      cause: `${nameOf(device)}: ${doubt}. Its guest or writer sent packets that the host did not get.`,
      evidence: [`${several(receivedFrom(device), 'packet')} from it passed in ${device.seconds.toFixed(0)} s`],
      remedies: [
        hostCommand(
          device,
          window,
          `ip -s -s link show dev ${quoted(device.now.name)}`,
          'Shows the counters of the kernel, and whether an XDP program is on the device.',
        ),
      ],
      rejected: [],
      confidence: 'low',
    });
    return { ...said, doubts: [doubt] };
  });
}

function droppedBefore({ devices, drops }: Doubtful, window: Window): readonly Diagnosis[] {
  const packets = `${several(sumOf(drops), 'packet that came into its namespace was', 'packets that came into its namespace were')} dropped before the host chose a device`;
  return devices.slice(0, MOST_SINGLE).map((device) => {
    const said = onDevice(device, {
      severity: 'info',
      cause: `${nameOf(device)}: ${packets}: how many of them were for it is not known.`,
      evidence: [placesOf(drops), `${several(lossTowards(device).offered, 'packet')} came to it`],
      remedies: looksAt(drops, device, window),
      rejected: [],
      confidence: 'low',
    });
    return { ...said, doubts: [packets] };
  });
}

function firstOf(reasons: readonly string[]): string {
  return `${reasons[0]}${reasons.length > 1 ? `, and ${reasons.length - 1} more` : ''}`;
}

function blindSpots({ agentBefore, agent }: Window): readonly string[] {
  const both = { before: agentBefore, now: agent };
  const incomplete = grown(both, ({ incompleteSnapshots }) => incompleteSnapshots) ?? 0;
  const isAsBefore = agent.eventsLost === agentBefore.eventsLost;
  const lost = (isAsBefore ? [] : agent.eventsLost).flatMap(({ cause }) => {
    // Packets of a device that is being deleted belong to no device any more.
    if (cause === 'ending_device') return [];
    const events = grown(both, ({ eventsLost }) => eventsLost.find((one) => one.cause === cause)?.events) ?? 0;
    return events > 0 ? [`${count(events)} events could not be counted: ${lostBecause(cause)}`] : [];
  });
  return [
    ...unwatched(agent.probes),
    ...lost,
    ...(agent.namespacesUnresolved > 0 ? [`${count(agent.namespacesUnresolved)} namespaces could not be entered`] : []),
    ...(agent.failedLooks?.reason === undefined
      ? []
      : [`owners, drivers and the budget may be old: the last look at them failed (${agent.failedLooks.reason})`]),
    ...(incomplete > 0 ? [`${count(incomplete)} snapshots could not be read completely`] : []),
  ];
}
