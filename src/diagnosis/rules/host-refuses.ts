// SPDX-License-Identifier: Apache-2.0

import type { OtherDrop } from '../../snapshot/device.ts';
import { isFirewallDrop } from '../evidence/drop-kinds.ts';
import { type Culprit, culpritOf, dropperName, showChain } from '../evidence/firewall-rule.ts';
import { hostDrops, isXdpDrop } from '../evidence/from-guest.ts';
import { isMostOfFew, type Loss, MANAGED_SHARE, MEANT_SHARE, NOISE_PER_SECOND, severityOf } from '../evidence/loss.ts';
import type { Diagnosis } from '../finding.ts';
import { count, losesSent, nameOf, percent, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import {
  type Cause,
  causesOf,
  confidenceIn,
  evidenceOf,
  isNoFault,
  lossOfAll,
  remediesOfAll,
} from '../reasons/causes.ts';
import type { Rule } from '../rule.ts';
import { HOST_REFUSES, WRITER_REFUSED } from '../rule-names.ts';
import type { DeviceSpan, Window } from '../window.ts';

export const hostRefuses: Rule = {
  name: HOST_REFUSES,
  summary:
    'the host drops what the guest or program sends: a filter, a firewall, a wrong address or checksum, no route, an MTU, a full socket, …',
  explanation:
    'tun passed the packets on to the host, and the host freed them: in its bridge, its firewall, its routing, its sockets, or in front of the device by which they had to leave. The kernel gives a reason, and the function that freed the packet; docs/drop-reasons.md has for each what causes it and what ends it. The cause of most of the loss is the answer, the others stand below it.\n\n' +
    'Filters, firewalls and rate limits drop on purpose: that is information, and a warning where they take a fifth of the traffic or more; of a device that is asked about a rate limit is one from a fiftieth on. `diagnose`, and `check` of a device, name the rule or policy of nf_tables where it is certain. What a protocol ends in the ordinary way (TCP data that came twice, neighbour discovery for others) is no loss. Of some reasons a little is ordinary and the bulk is a fault: an EtherType that nobody handles, a MAC address that the host does not have, a port on which nobody listens.',
  symptom: 'refused-by-host',
  needs: ['devices', 'freed', 'before'],
  judge: (window, asked) => window.devices.flatMap((device) => refusing(device, window, device === asked)),
};

const isOurs = (drop: OtherDrop): boolean => !isXdpDrop(drop);

function refusing(device: DeviceSpan, window: Window, isAsked: boolean): readonly Diagnosis[] {
  if ((hostDrops(device.now) ?? []).length === 0 || hasLostLower(device.now)) return [];
  const causes = causesOf(device, 'from', isOurs).filter((cause) => !isNoFault(cause));
  const [most] = causes;
  if (!most) return [];
  const loss = lossOfAll(device, 'from', causes);
  const remedies = remediesOfAll(causes, device, window);
  const culprit = firewallOf(device, most);
  const why = culprit ? `the firewall drops them, ${dropperName(culprit.dropper)}` : most.row.cause;
  if (!(severityOf(loss) || (isAsked && isMostOfFew(loss)))) return [];
  return [
    onDevice(device, {
      severity: (isAsked ? isMuchOfAsked(causes) : isMuch(loss)) ? 'warning' : 'info',
      explains: loss.lost,
      brief: `${losesSent(loss)}: ${why}`,
      cause: `${nameOf(device)}: the host dropped ${count(loss.lost)} of ${several(loss.offered, 'packet')} from its guest or writer: ${why}.`,
      evidence: [
        `${percent(loss.share)} of the packets, ${count(loss.perSecond)} a second, freed behind tun`,
        culprit?.because,
        ...evidenceOf(causes),
      ],
      remedies: culprit ? [showChain(culprit, device, window), ...remedies.slice(most.row.remedies.length)] : remedies,
      rejected: [{ rule: WRITER_REFUSED, because: 'tun took these writes: 0 of them failed' }],
      confidence: confidenceIn(most),
    }),
  ];
}

/** The rule that drops, where the firewall of the device's own namespace does; undefined: it is not certain which. */
function firewallOf(device: DeviceSpan, { isOf }: Cause): Culprit | undefined {
  const theirs = (hostDrops(device.now) ?? []).filter(isOf);
  return theirs.every((drop) => isFirewallDrop(drop) && !drop.beyond) ? culpritOf(device, 'from') : undefined;
}

/** A macvtap whose lower device is gone: that is lower-refuses. */
function hasLostLower({ macvtap, carrier }: DeviceSpan['now']): boolean {
  return macvtap !== undefined && !carrier;
}

/** An operator who asks misses packets: a rate limit slows TCP long before a fifth is lost. */
function isMuchOfAsked(causes: readonly Cause[]): boolean {
  return causes.some(({ row, loss }) => loss.share >= (row.class === 'meant' ? MEANT_SHARE : MANAGED_SHARE));
}

/** Nobody asks: a small share may be meant. Of the bulk nobody is told that all is well, whoever drops it. */
function isMuch({ share, perSecond }: Loss): boolean {
  return share >= MEANT_SHARE && perSecond >= NOISE_PER_SECOND;
}
