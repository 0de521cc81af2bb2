// SPDX-License-Identifier: Apache-2.0

import { isBridgeDrop, locationsOf } from '../evidence/drop-kinds.ts';
import { lossBefore, severityOf } from '../evidence/loss.ts';
import { count, nameOf, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { setLink } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { HOST_FIREWALL } from '../rule-names.ts';

/** A TCP connection that hangs for it sends one such frame every few seconds. */
const FEWEST = 5;

export const bridgeMtu: Rule = {
  name: 'bridge-mtu',
  summary: 'the bridge discards frames that are longer than the device’s MTU, and no counter shows it',
  explanation:
    'A bridge forwards no frame that is longer than the MTU of the port it would leave by. It sends no message back and counts nothing, neither on the port nor on the bridge: small packets and the handshakes of connections pass, and then transfers hang. ' +
    'The only trace is the function that freed the packet (br_dev_queue_push_xmit, or br_nf_dev_queue_xmit where br_netfilter is on, without a reason). Large segments that the kernel will still split (GSO) do pass.',
  symptom: 'loss-in-bridge',
  needs: ['devices', 'before'],
  judge: (window) =>
    window.devices.flatMap((device) => {
      const loss = lossBefore(device, isBridgeDrop);
      if (!loss || loss.lost < FEWEST || !device.now.up) return [];
      return [
        onDevice(device, {
          severity: severityOf(loss) ?? 'warning',
          explains: loss.lost,
          brief: `loses ${several(loss.lost, 'frame')} in its bridge: longer than its MTU`,
          cause: `${nameOf(device)}: its bridge discarded ${several(loss.lost, 'frame')} longer than the device’s MTU; no counter of the kernel shows it.`,
          evidence: [
            `${several(loss.lost, 'frame')} freed without a reason in ${locationsOf(device, isBridgeDrop)}`,
            `${several(loss.offered - loss.lost, 'packet')} reached the device meanwhile`,
          ],
          remedies: [
            {
              command: setLink(device, window, 'mtu 9000'),
              effect:
                'For 9000 take the MTU of the bridge’s other ports. The guest’s own MTU has to be as large, or its driver may discard them.',
              lossless: true,
              restart: false,
              by: 'host',
            },
            {
              command: undefined,
              effect:
                'Or lower the MTU of the senders behind the bridge to that of the device (ip link show tells both).',
              lossless: true,
              restart: false,
              by: 'host',
            },
          ],
          rejected: [
            { rule: HOST_FIREWALL, because: `these ${count(loss.lost)} were freed after the firewall’s hooks` },
          ],
          confidence: 'high',
        }),
      ];
    }),
};
