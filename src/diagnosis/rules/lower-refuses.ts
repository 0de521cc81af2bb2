// SPDX-License-Identifier: Apache-2.0

import { receivedFrom, refusedByHost } from '../evidence/from-guest.ts';
import { lossIn, lossOf, severityOf } from '../evidence/loss.ts';
import { heldUp } from '../evidence/program-side.ts';
import type { Diagnosis } from '../finding.ts';
import { count, losesSent, nameOf, percent, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { hostCommand, quoted } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { WRITER_REFUSED } from '../rule-names.ts';
import { type DeviceSpan, grown, type Window } from '../window.ts';

export const lowerRefuses: Rule = {
  name: 'lower-refuses',
  summary: 'the device below a macvtap or ipvtap does not take what the guest sends',
  explanation:
    'A macvtap sends by the device that it was made on. If that has no carrier, the macvtap has none either, and the kernel frees each packet in front of it: no counter of the macvtap has them. If its qdisc is full or slower than the guest, the packet is freed there, and the kernel counts it in tx_dropped of the macvtap, or as sent.\n\n' +
    'While a person asks, tapscope counts by reason what is freed on the way out; host-refuses then says why. Without carrier no packet needs to be lost for an answer to who asks.\n\n' +
    'A send limit (sndbuf) of the macvtap makes the guest wait before that where its packets stay in a long queue: that is send-limit. Writes that it refuses (EAGAIN) are in tx_dropped too (kernel: tap_get_user), and the guest writes them again: they are no loss.',
  symptom: 'refused-by-host',
  needs: ['devices'],
  judge: (window, asked) =>
    window.devices.flatMap((device) =>
      hasNoCarrier(device.now) ? unplugged(device, window, device === asked) : refusing(device, window),
    ),
};

/** The carrier of a macvtap is that of the device below it, which may be down. */
function hasNoCarrier({ macvtap, up, carrier }: DeviceSpan['now']): boolean {
  return macvtap !== undefined && up && !carrier;
}

function unplugged(device: DeviceSpan, window: Window, isAsked: boolean): readonly Diagnosis[] {
  if (!device.steps.slice(-2).every(hasNoCarrier)) return [];
  const loss = lossIn(device, (part) => {
    const lost = Math.max(
      refusedByHost(part, () => true),
      since(part, 'refused'),
    );
    return lossOf(lost, Math.max(0, receivedFrom(part) - lost), part.seconds);
  });
  const severity = severityOf(loss) ?? (isAsked && device.now.attachedQueues ? 'warning' : undefined);
  if (!severity) return [];
  const lostWords = `${count(loss.lost)} of ${several(loss.offered, 'packet from its guest or writer was', 'packets from its guest or writer were')} lost`;
  return [
    onDevice(device, {
      severity,
      explains: loss.lost,
      brief: 'sends nothing: the device below it has no carrier or is down',
      cause: `${nameOf(device)} cannot send or receive: the device below it has no carrier or is down.`,
      evidence: [
        'the carrier of the macvtap is off, which follows the device below it',
        loss.lost > 0
          ? `${lostWords} in ${device.seconds.toFixed(0)} s`
          : `nothing counts what its guest sends meanwhile`,
        device.before.carrier ? 'the carrier was on when the sample began' : undefined,
      ],
      remedies: [
        hostCommand(
          device,
          window,
          `ip -d link show dev ${quoted(device.now.name)}`,
          'Shows the device below it behind the @: set that up, or mend its cable, its peer, or the switch’s port.',
        ),
      ],
      rejected: [{ rule: WRITER_REFUSED, because: 'the macvtap took these writes' }],
      confidence: 'high',
    }),
  ];
}

/** By the kernel's tx_dropped alone; where each packet that is freed is followed, host-refuses says why. */
function refusing(device: DeviceSpan, window: Window): readonly Diagnosis[] {
  const loss = lossIn(device, (part) => lossOf(since(part, 'refused'), since(part, 'written'), part.seconds));
  const severity = severityOf(loss);
  if (!severity || refusedByHost(device, () => true) > 0) return [];
  if (device.queues.some((queue) => heldUp(queue) !== undefined)) return [];
  return [
    onDevice(device, {
      severity,
      explains: loss.lost,
      brief: `${losesSent(loss)}: the device below it is too slow`,
      cause: `${nameOf(device)}: the device below it refused ${count(loss.lost)} of ${several(loss.offered, 'packet')} from its guest or writer: its qdisc is full, or slower than the guest.`,
      evidence: [
        `${percent(loss.share)} of the packets, ${count(loss.perSecond)} a second, by the kernel’s tx_dropped`,
        'the carrier of the device below is on',
      ],
      remedies: [
        hostCommand(
          device,
          window,
          `ip -d link show dev ${quoted(device.now.name)}`,
          'Shows the device below it behind the @.',
        ),
        hostCommand(device, window, 'tc -s qdisc show', 'Shows the qdiscs of all devices, and which one drops.'),
      ],
      rejected: [{ rule: WRITER_REFUSED, because: 'the macvtap took these writes' }],
      confidence: 'medium',
    }),
  ];
}

function since(part: DeviceSpan, of: 'refused' | 'written'): number {
  return grown(part, ({ macvtap }) => macvtap?.[of]) ?? 0;
}
