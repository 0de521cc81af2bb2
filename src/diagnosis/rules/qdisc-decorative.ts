// SPDX-License-Identifier: Apache-2.0

import { isQdiscDrop } from '../evidence/drop-kinds.ts';
import { fullRings } from '../evidence/full-ring.ts';
import { lossBefore } from '../evidence/loss.ts';
import { count, nameOf, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import type { Rule } from '../rule.ts';
import { QDISC_DROP } from '../rule-names.ts';

/** These do no more than the ring itself, or say nothing of what is below them. */
const PLAIN: readonly string[] = ['noqueue', 'noop', 'pfifo_fast', 'pfifo', 'bfifo', 'mq'];

export const qdiscDecorative: Rule = {
  name: 'qdisc-decorative',
  summary: 'a qdisc is set that never sees the congestion: packets are lost after it',
  explanation:
    'tun takes every packet from its qdisc at once, whether the ring has room or not. So a qdisc above a tun device never holds a packet, and its fairness and its queue management do nothing: the loss is in the ring, after it. tc shows no drop. ' +
    'It does not cause the loss, and is reported beside the cause.\n\n' +
    'A qdisc that shapes to less than the reader’s rate does work. From Linux 7.3 on, a program may open the device with IFF_BACKPRESSURE. A full ring then stops its queue, and the qdisc decides what is lost; with many parallel senders that costs throughput.',
  symptom: 'ring-loss',
  needs: ['devices', 'freed', 'before'],
  judge: (window) => {
    const lossy = fullRings(window).filter(({ cause, loss }) => cause !== 'no-ring' && loss.lost > 0);
    return window.devices.flatMap((device) => {
      const { qdisc, flowControl } = device.now;
      const lost = lossy.reduce((sum, { queue, loss }) => (queue.device === device ? sum + loss.lost : sum), 0);
      const byQdisc = lossBefore(device, isQdiscDrop)?.lost ?? 0;
      if (lost === 0 || byQdisc > 0 || !qdisc || PLAIN.includes(qdisc) || flowControl === 'backpressure') return [];
      return [
        onDevice(device, {
          severity: 'info',
          cause: `${nameOf(device)} has the qdisc ${qdisc}, which dropped nothing while the ring after it lost ${several(lost, 'packet')}: it never sees the congestion.`,
          evidence: [`0 drops by ${qdisc}, ${count(lost)} at the full ring`, 'IFF_BACKPRESSURE is not in force'],
          remedies: [
            {
              command: undefined,
              effect: `Linux 7.3: the program that opens ${device.now.name} sets IFF_BACKPRESSURE; then ${qdisc} decides.`,
              lossless: true,
              restart: true,
              by: 'vmm',
            },
            {
              command: undefined,
              effect:
                'Before that: shape to less than the reader takes (cake bandwidth …), so that the queue is in the qdisc.',
              lossless: false,
              restart: false,
              by: 'host',
            },
          ],
          rejected: [{ rule: QDISC_DROP, because: `${qdisc} dropped 0 packets` }],
          confidence: 'high',
        }),
      ];
    });
  },
};
