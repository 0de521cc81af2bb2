// SPDX-License-Identifier: Apache-2.0

import { type FullRing, fullRings } from '../evidence/full-ring.ts';
import { gravityOf, lossOf } from '../evidence/loss.ts';
import type { Diagnosis } from '../finding.ts';
import { count, eachSecond, nameOf, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { setLink } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { RING_FULL_BURST } from '../rule-names.ts';
import type { Window } from '../window.ts';

/** The kernel's default for a device (tun.c: TUN_READQ_SIZE, ether_setup). */
const DEFAULT_LENGTH = { tap: 1000, tun: 500, macvtap: 500, ipvtap: 500 };

export const txqlenZero: Rule = {
  name: 'txqlen-zero',
  summary: 'txqueuelen is 0, so the ring to the guest or reader takes no packet at all',
  explanation:
    'The ring between host and reader has as many places as txqueuelen says. With 0 places every packet is refused (FULL_RING), even if a reader waits, while tc counts it as sent. ' +
    'It mostly comes from a script that wanted no queueing: that is what the qdisc noqueue is for, while the ring must have places. Setting a length gives the device a ring at once and loses nothing.',
  symptom: 'ring-loss',
  needs: ['devices', 'freed'],
  judge: (window) => {
    const lossy = fullRings(window, 'no-ring');
    const devices = new Set(lossy.map(({ queue }) => queue.device));
    return [...devices].map((device) =>
      finding(
        lossy.filter(({ queue }) => queue.device === device),
        window,
      ),
    );
  },
};

function finding(queues: readonly FullRing[], window: Window): Diagnosis {
  const device = queues[0]?.queue.device;
  if (!device) throw new Error('A device with a lossy queue has one.');
  const lost = queues.reduce((sum, { loss }) => sum + loss.lost, 0);
  const length = DEFAULT_LENGTH[device.now.kind];
  return onDevice(device, {
    severity: gravityOf(lossOf(lost, 0, device.seconds)),
    brief: `loses all packets, ${eachSecond(lost / device.seconds)}: its txqueuelen is 0`,
    cause: `${nameOf(device)} loses every packet to its reader (${count(lost)} in ${device.seconds.toFixed(0)} s): its txqueuelen is 0, and a ring of size 0 takes none.`,
    evidence: [
      `txqueuelen ${device.now.queueLength}, ring of ${queues[0]?.queue.now.ring?.capacity} places`,
      `${several(lost, 'packet')} refused as FULL_RING in ${device.seconds.toFixed(0)} s`,
    ],
    remedies: [
      {
        command: setLink(device, window, `txqueuelen ${length}`),
        effect:
          'Gives the device a ring at once; the program that set 0 (a script, udev, the VPN by its options) will do so again.',
        lossless: true,
        restart: false,
        by: 'host',
      },
    ],
    rejected: [{ rule: RING_FULL_BURST, because: 'a ring without places is full without any burst' }],
    confidence: 'high',
  });
}
