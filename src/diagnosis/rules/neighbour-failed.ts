// SPDX-License-Identifier: Apache-2.0

import { isNeighbourDrop, reasonsOf } from '../evidence/drop-kinds.ts';
import { isMostOfFew, lossBefore, MANAGED_SHARE, severityOf } from '../evidence/loss.ts';
import { count, nameOf, percent } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { inNamespaceOf, quoted } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { QDISC_DROP } from '../rule-names.ts';

export const neighbourFailed: Rule = {
  name: 'neighbour-failed',
  summary: 'the guest does not answer ARP or neighbour discovery, so the host drops packets to it',
  explanation:
    'The host knows that an address is behind the device, but not its MAC address. It asks (ARP, or neighbour discovery of IPv6) and holds a few packets meanwhile. It frees them when no answer comes (NEIGH_FAILED), or when more packets come than it holds (NEIGH_QUEUEFULL). ' +
    'The guest has no such address, its interface is down, a filter drops the question or the answer, or the guest hangs.',
  symptom: 'loss-before-tun',
  needs: ['devices', 'before'],
  judge: (window, asked) =>
    window.devices.flatMap((device) => {
      const loss = lossBefore(device, isNeighbourDrop);
      if (!loss || !device.now.up) return [];
      const isTold = severityOf(loss) !== undefined && loss.share >= MANAGED_SHARE;
      if (!isTold && !(device === asked && isMostOfFew(loss))) return [];
      return [
        onDevice(device, {
          severity: 'warning',
          cause: `${nameOf(device)}: the host dropped ${count(loss.lost)} of ${count(loss.offered)} packets for addresses behind it that do not answer ARP or neighbour discovery.`,
          evidence: [
            `kernel’s reasons: ${reasonsOf(device, isNeighbourDrop)}`,
            `${percent(loss.share)} of the packets, ${count(loss.perSecond)} a second`,
          ],
          remedies: [
            {
              command: inNamespaceOf(
                device,
                window,
                `ip neigh show dev ${quoted(device.now.name)} nud failed nud incomplete`,
              ),
              effect:
                'Shows the addresses that do not answer: a wrong address on the host, or a guest whose interface is down.',
              lossless: true,
              restart: false,
              by: 'host',
            },
            {
              command: 'ip -br address show',
              effect: 'In the guest: does it have this address, and is the interface up?',
              lossless: true,
              restart: false,
              by: 'guest',
            },
          ],
          rejected: [{ rule: QDISC_DROP, because: `these ${count(loss.lost)} were freed before they reached a qdisc` }],
          confidence: 'high',
        }),
      ];
    }),
};
