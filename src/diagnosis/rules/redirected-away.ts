// SPDX-License-Identifier: Apache-2.0

import { lossTowards } from '../asked.ts';
import { MEANT_SHARE } from '../evidence/loss.ts';
import { redirectsIn, type Taken } from '../evidence/surroundings.ts';
import type { Diagnosis, Remedy } from '../finding.ts';
import { count, nameOf, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { hostCommand, quoted } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { HOST_FIREWALL, NO_READER } from '../rule-names.ts';
import type { DeviceSpan, Window } from '../window.ts';

/** Fewer packets are the odd broadcast. */
const FEWEST = 10;

export const redirectedAway: Rule = {
  name: 'redirected-away',
  summary: 'tc filters or routes of the host lead packets past the device, or to one that is gone or down',
  explanation:
    'A tc filter with the action mirred sends packets of one device to another before a bridge or the routes see them. ' +
    'It drops them if that device is down, has no carrier, its qdisc is full, or it was deleted: the filter then still names the old one, although a device of the same name is there again. The action counts that as overlimits, and no device as a drop. A filter at another port of the bridge may also take what was for this device.\n\n' +
    'A more specific route, or a rule of policy routing, may lead an address behind the device to another one; the device then sees none of its packets, and nobody counts them as lost. ' +
    'That is reported for a device that is asked about, if the host knows the address as its neighbour or nothing reaches the device.',
  symptom: 'loss-before-tun',
  needs: ['devices'],
  judge: (window, asked) =>
    window.devices.flatMap((device) => [
      ...failing(device, window),
      ...(device === asked ? [...takenBefore(device, window), ...strays(device, window)].slice(0, 1) : []),
    ]),
};

/** What its guest sends is redirected to a device that cannot take it. */
function failing(device: DeviceSpan, window: Window): readonly Diagnosis[] {
  const { name } = device.now;
  const [worst] = most(
    redirectsIn(device, ({ from, isCopy }) => from === name && !isCopy),
    'failed',
  );
  if (!worst || worst.failed < FEWEST) return [];
  const isFull = worst.isOpen === true;
  const why = isFull ? 'whose qdisc refuses them' : 'which cannot take them';
  return [
    onDevice(device, {
      severity: 'warning',
      explains: worst.failed,
      brief: `loses ${several(worst.failed, 'packet')}: tc redirects them to ${targetOf(worst)}, ${why}`,
      cause: `${nameOf(device)} loses ${count(worst.failed)} of ${several(worst.packets, 'packet')} that tc redirects at its ${worst.hook} to ${targetOf(worst)}, ${why}.`,
      evidence: [
        evidenceOf(worst),
        isFull
          ? `${worst.to} is up and has a carrier: more comes than its qdisc lets pass`
          : 'the action (mirred) drops what is for a device that is gone, down or without carrier',
      ],
      remedies: isFull
        ? [showQdisc(device, window, worst), showFilters(device, window, worst)]
        : [showFilters(device, window, worst), ...setUp(device, window, worst)],
      rejected: [{ rule: HOST_FIREWALL, because: 'the filter comes before any rule of the host' }],
      confidence: 'high',
    }),
  ];
}

/** Taken at another port of its bridge, or by a filter whose device is gone: this one may have been it. */
function takenBefore(device: DeviceSpan, window: Window): readonly Diagnosis[] {
  const { name } = device.now;
  const [worst] = most(
    redirectsIn(device, ({ from, to, isCopy }) => from !== name && to !== name && !isCopy),
    'packets',
  );
  if (!worst || worst.packets < FEWEST) return [];
  const { offered } = lossTowards(device);
  if (offered >= MEANT_SHARE * worst.packets) return [];
  return [
    onDevice(device, {
      severity: 'warning',
      brief: `gets nothing: tc at ${worst.from} redirects it to ${targetOf(worst)}`,
      cause: `${nameOf(device)} got ${several(offered, 'packet')}, while tc at ${worst.from} (${worst.hook}) redirected ${count(worst.packets)} to ${targetOf(worst)}.`,
      evidence: [
        evidenceOf(worst),
        worst.to === ''
          ? 'the filter names a device that was deleted; if this one took its place, it has to be made anew'
          : `the filter takes packets before ${device.now.bridgePort ? 'the bridge' : 'the host'} sees them`,
      ],
      remedies: [showFilters(device, window, worst)],
      rejected: [
        { rule: NO_READER, because: `${several(device.now.attachedQueues ?? 0, 'queue is', 'queues are')} attached` },
      ],
      confidence: worst.failed > 0 ? 'medium' : 'low',
    }),
  ];
}

function strays(device: DeviceSpan, window: Window): readonly Diagnosis[] {
  const isIdle = lossTowards(device).offered === 0;
  const found = (device.now.surroundings?.strays ?? []).filter(({ isNeighbour }) => isNeighbour || isIdle);
  const [first] = found;
  if (!first) return [];
  const where =
    first.device === undefined
      ? first.route === 'local'
        ? 'the host itself'
        : `nowhere (${first.route})`
      : first.device;
  return [
    onDevice(device, {
      severity: 'warning',
      brief: `gets nothing for ${first.address}: the routes of the host lead it to ${where}`,
      cause: `${nameOf(device)}: the host’s routes lead ${first.address}, which is behind it, to ${where}.`,
      evidence: [
        `${first.address} is ${first.isNeighbour ? 'a neighbour on this device' : 'in a network that is routed to this device'}`,
        found.length > 1
          ? `so ${found.length === 2 ? 'is' : 'are'} ${several(found.length - 1, 'other address', 'other addresses')}: ${namesOf(found.slice(1))}`
          : undefined,
        isIdle ? `no packet was sent to the device in ${device.seconds.toFixed(0)} s` : undefined,
      ],
      remedies: [
        hostCommand(
          device,
          window,
          `ip route get ${first.address}`,
          'Shows the way that is taken, and its table. ip rule and ip route show table all have what decides; delete what should not be there.',
        ),
      ],
      rejected: [{ rule: HOST_FIREWALL, because: 'the route is chosen before any rule of forward or output' }],
      confidence: first.isNeighbour ? 'high' : 'medium',
    }),
  ];
}

function namesOf(strays: readonly { readonly address: string }[]): string {
  return strays
    .slice(0, 2)
    .map(({ address }) => address)
    .join(', ');
}

function most(redirects: readonly Taken[], by: 'packets' | 'failed'): readonly Taken[] {
  return redirects.toSorted((a, b) => b[by] - a[by]);
}

function targetOf({ to }: Taken): string {
  return to === '' ? 'a device that is gone' : to;
}

function evidenceOf({ from, hook, packets, failed }: Taken): string {
  return `the filter at ${from} (${hook}) took ${several(packets, 'packet')}, of which ${count(failed)} were dropped`;
}

function showFilters(device: DeviceSpan, window: Window, { from, hook }: Taken): Remedy {
  return hostCommand(
    device,
    window,
    `tc -s filter show dev ${quoted(from)} ${hook}`,
    'Shows the filters, their counts and where they lead. tc filter del, or the program that made it, ends it.',
  );
}

function showQdisc(device: DeviceSpan, window: Window, { to }: Taken): Remedy {
  return hostCommand(
    device,
    window,
    `tc -s qdisc show dev ${quoted(to)}`,
    'Shows rate, limit and drops. Where more is meant to pass: the same with a higher rate or limit, by tc … change.',
  );
}

function setUp(device: DeviceSpan, window: Window, { to }: Taken): readonly Remedy[] {
  if (to === '') return [];
  return [
    hostCommand(
      device,
      window,
      `ip link set dev ${quoted(to)} up`,
      'If it is down. One without carrier needs its cable, its peer or its reader.',
    ),
  ];
}
