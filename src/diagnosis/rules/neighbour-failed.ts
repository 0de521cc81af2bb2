// SPDX-License-Identifier: Apache-2.0

import { isNeighbourDrop, isUnansweredDrop, reasonsOf } from '../evidence/drop-kinds.ts';
import { isMostOfFew, lossBefore, MANAGED_SHARE, severityOf } from '../evidence/loss.ts';
import type { Remedy } from '../finding.ts';
import { count, loses, nameOf, percent, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { hostCommand, quoted } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { QDISC_DROP } from '../rule-names.ts';
import type { DeviceSpan, Window } from '../window.ts';

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
          explains: loss.lost,
          brief: `${loses(loss)}: ${isAnswered(device) ? 'they come before the MAC address behind it is known' : 'the address behind it does not answer ARP'}`,
          cause: `${nameOf(device)}: the host dropped ${count(loss.lost)} of ${several(loss.offered, 'packet')} ${isAnswered(device) ? TOO_MANY : NO_ANSWER}.`,
          evidence: [
            `kernel’s reasons: ${reasonsOf(device, isNeighbourDrop)}`,
            `${percent(loss.share)} of the packets, ${count(loss.perSecond)} a second`,
          ],
          remedies: [
            hostCommand(
              device,
              window,
              `ip neigh show dev ${quoted(device.now.name)} nud failed nud incomplete`,
              'Shows the addresses that do not answer: a wrong address on the host, or a guest whose interface is down.',
            ),
            ...(isAnswered(device) ? [longerQueue(device, window)] : []),
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

const NO_ANSWER = 'for addresses behind it that do not answer ARP or neighbour discovery';
const TOO_MANY = 'that came at once, while it asked for the MAC address behind it: more than it holds meanwhile';

/** No question went without an answer in the window: only the queue that waits for it was too short. */
function isAnswered(device: DeviceSpan): boolean {
  return (lossBefore(device, isUnansweredDrop)?.lost ?? 0) === 0;
}

function longerQueue(device: DeviceSpan, window: Window): Remedy {
  const setting = quoted(`net/ipv4/neigh/${device.now.name}/unres_qlen_bytes`);
  return hostCommand(
    device,
    window,
    `sysctl -w ${setting}=1048576`,
    'Holds some 800 packets of IPv4 while it asks. An entry that stays (ip neigh replace … nud permanent) needs no question.',
  );
}
