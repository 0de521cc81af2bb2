// SPDX-License-Identifier: Apache-2.0

import { xdpLoss } from '../evidence/from-guest.ts';
import { isMostOfFew, MEANT_SHARE, NOISE_PER_SECOND, severityOf } from '../evidence/loss.ts';
import type { Diagnosis } from '../finding.ts';
import { count, losesSent, nameOf, percent, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { hostCommand, inNamespaceOf, quoted } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { WRITER_REFUSED } from '../rule-names.ts';
import type { DeviceSpan, Window } from '../window.ts';

export const xdpDrop: Rule = {
  name: 'xdp-drop',
  summary: 'an XDP program drops what the guest or program sends',
  explanation:
    'An XDP program on the device sees each packet from the guest or writer before the host does. It answers XDP_DROP or, after an error of its own, XDP_ABORTED. ' +
    'In tun (native XDP) the kernel counts such a packet in rx_dropped and in nothing else; behind tun (generic XDP) it counts it nowhere, and the tracepoint skb:kfree_skb shows it.\n\n' +
    'A program drops on purpose, so this is information, and a warning where it takes a fifth of the traffic or more. bpftool names the program; the tracepoint xdp:xdp_exception counts those that it aborted.',
  symptom: 'dropped-by-xdp',
  needs: ['devices', 'freed'],
  judge: (window, asked) => window.devices.flatMap((device) => dropping(device, window, device === asked)),
};

function dropping(device: DeviceSpan, window: Window, isAsked: boolean): readonly Diagnosis[] {
  const { native = 0, generic = 0 } = device.now.receive?.xdp ?? {};
  const loss = xdpLoss(device);
  if (!device.now.up || !(severityOf(loss) || (isAsked && isMostOfFew(loss)))) return [];
  const isMuch = loss.share >= MEANT_SHARE && (isAsked || loss.perSecond >= NOISE_PER_SECOND);
  const { name } = device.now;
  const program = native || generic;
  return [
    onDevice(device, {
      severity: isMuch ? 'warning' : 'info',
      explains: loss.lost,
      brief: `${losesSent(loss)}: an XDP program drops them`,
      cause: `${nameOf(device)}: an XDP program dropped ${count(loss.lost)} of ${several(loss.offered, 'packet')} from its guest or writer.`,
      evidence: [
        `${percent(loss.share)} of the packets, ${count(loss.perSecond)} a second`,
        native > 0 ? `XDP program ${native} in tun; the kernel counts its drops in rx_dropped only` : undefined,
        generic > 0 ? `generic XDP program ${generic} behind tun; no counter of the kernel has its drops` : undefined,
      ],
      remedies: [
        {
          command:
            program > 0
              ? `bpftool prog show id ${program}`
              : inNamespaceOf(device, window, `bpftool net show dev ${quoted(name)}`),
          effect:
            'Shows the program’s name and the processes that hold it. If the drop is meant, nothing is to be done.',
          lossless: true,
          restart: false,
          by: 'host',
        },
        hostCommand(
          device,
          window,
          `ip link set dev ${quoted(name)} ${native > 0 ? 'xdpdrv' : 'xdpgeneric'} off`,
          'Only if it is not meant: takes the program off, unless a process holds it by a link.',
        ),
      ],
      rejected: [
        { rule: WRITER_REFUSED, because: '0 of these writes failed: the kernel answers as if it had taken them' },
      ],
      confidence: 'high',
    }),
  ];
}
