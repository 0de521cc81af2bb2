// SPDX-License-Identifier: Apache-2.0

import { lossIn, lossOf, severityOf } from '../evidence/loss.ts';
import type { Diagnosis } from '../finding.ts';
import { count, losesSent, nameOf, percent } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { lookAt, quoted } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { WRITER_REFUSED } from '../rule-names.ts';
import { type DeviceSpan, grown, type Window } from '../window.ts';

export const lowerRefuses: Rule = {
  name: 'lower-refuses',
  summary: 'the device below a macvtap or ipvtap does not take what the guest sends',
  explanation:
    'A macvtap sends by the device that it was made on. If that has no carrier, or its qdisc is full or slower than the guest, the packet is freed there, and the kernel counts it in tx_dropped of the macvtap.\n\n' +
    'A send limit (sndbuf) of the macvtap makes the guest wait before that where its packets stay in a long queue: that is send-limit.',
  symptom: 'refused-by-host',
  needs: ['devices'],
  judge: (window) => window.devices.flatMap((device) => refusing(device, window)),
};

function refusing(device: DeviceSpan, window: Window): readonly Diagnosis[] {
  const loss = lossIn(device, (part) => {
    const since = (of: 'refused' | 'written'): number => grown(part, ({ macvtap }) => macvtap?.[of]) ?? 0;
    return lossOf(since('refused'), since('written'), part.seconds);
  });
  const severity = severityOf(loss);
  if (!severity) return [];
  const { name, carrier, up } = device.now;
  const isOpen = up && carrier;
  const why = isOpen ? 'its qdisc is full, or slower than the guest' : 'it has no carrier';
  return [
    onDevice(device, {
      severity,
      explains: loss.lost,
      brief: `${losesSent(loss)}: the device below it ${isOpen ? 'is too slow' : 'has no carrier'}`,
      cause: `${nameOf(device)}: the device below it refused ${count(loss.lost)} of ${count(loss.offered)} packets from its guest or writer: ${why}.`,
      evidence: [
        `${percent(loss.share)} of the packets, ${count(loss.perSecond)} a second, by the kernel’s tx_dropped`,
        `the carrier of the device below is ${carrier ? 'on' : 'off'}`,
      ],
      remedies: [
        lookAt(
          device,
          window,
          `ip -d link show dev ${quoted(name)}`,
          'Shows the device below it behind the @, and its carrier: a cable, a peer, or a switch’s port that is off.',
        ),
        ...(isOpen
          ? [lookAt(device, window, 'tc -s qdisc show', 'Shows the qdiscs of all devices, and which one drops.')]
          : []),
      ],
      rejected: [{ rule: WRITER_REFUSED, because: 'the macvtap took these writes' }],
      confidence: isOpen ? 'medium' : 'high',
    }),
  ];
}
