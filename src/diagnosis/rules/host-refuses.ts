// SPDX-License-Identifier: Apache-2.0

import type { OtherDrop } from '../../snapshot/device.ts';
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
import { WRITER_REFUSED } from '../rule-names.ts';
import type { DeviceSpan, Window } from '../window.ts';

export const hostRefuses: Rule = {
  name: 'host-refuses',
  summary:
    'the host drops what the guest or program sends: a filter, a firewall, a wrong address or checksum, no route, an MTU, a full socket, …',
  explanation:
    'tun passed the packets on to the host, and the host freed them: in its bridge, its firewall, its routing, its sockets, or in front of the device by which they had to leave. The kernel gives a reason, and the function that freed the packet; docs/drop-reasons.md has for each what causes it and what ends it. The cause of most of the loss is the answer, the others stand below it.\n\n' +
    'Filters, firewalls and rate limits drop on purpose: that is information, and a warning only of a device that is asked about. What a protocol ends in the ordinary way (TCP data that came twice, neighbour discovery for others) is no loss. Of some reasons a little is ordinary and the bulk is a fault: an EtherType that nobody handles, a MAC address that the host does not have, a port on which nobody listens.',
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
  if (!(severityOf(loss) || (isAsked && isMostOfFew(loss)))) return [];
  return [
    onDevice(device, {
      severity: (isAsked ? isMuchOfAsked(causes) : isMuch(device, causes)) ? 'warning' : 'info',
      explains: loss.lost,
      brief: `${losesSent(loss)}: ${most.row.cause}`,
      cause: `${nameOf(device)}: the host dropped ${count(loss.lost)} of ${several(loss.offered, 'packet')} from its guest or writer: ${most.row.cause}.`,
      evidence: [
        `${percent(loss.share)} of the packets, ${count(loss.perSecond)} a second, freed behind tun`,
        ...evidenceOf(causes),
      ],
      remedies: remediesOfAll(causes, device, window),
      rejected: [{ rule: WRITER_REFUSED, because: 'tun took these writes: 0 of them failed' }],
      confidence: confidenceIn(most),
    }),
  ];
}

/** A macvtap whose lower device is gone: that is lower-refuses. */
function hasLostLower({ macvtap, carrier }: DeviceSpan['now']): boolean {
  return macvtap !== undefined && !carrier;
}

/** An operator who asks misses packets: a rate limit slows TCP long before a fifth is lost. */
function isMuchOfAsked(causes: readonly Cause[]): boolean {
  return causes.some(({ row, loss }) => loss.share >= (row.class === 'meant' ? MEANT_SHARE : MANAGED_SHARE));
}

/** Nobody asks: what is dropped on purpose is no fault. */
function isMuch(device: DeviceSpan, causes: readonly Cause[]): boolean {
  const faults = causes.filter(({ row }) => row.class === 'loss' || row.class === 'noise');
  const { share, perSecond }: Loss = lossOfAll(device, 'from', faults);
  return share >= MEANT_SHARE && perSecond >= NOISE_PER_SECOND;
}
