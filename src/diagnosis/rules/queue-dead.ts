// SPDX-License-Identifier: Apache-2.0

import { type FullRing, fullRings } from '../evidence/full-ring.ts';
import { fullTimeEvidence } from '../evidence/full-time.ts';
import { siblingsTook, stallSeverity } from '../evidence/stall.ts';
import type { Diagnosis } from '../finding.ts';
import { count, duration, loses, queueName, readerInShort, readerName } from '../format.ts';
import { onQueue } from '../make-finding.ts';
import type { Rule } from '../rule.ts';
import { READER_STALLED } from '../rule-names.ts';

export const queueDead: Rule = {
  name: 'queue-dead',
  summary: 'one queue of several is not served, while the others are',
  explanation:
    'The device has several queues, packets are taken from some, and one is full and gives its reader nothing. So the guest or program as a whole is alive: it uses fewer queues than it attached, or the worker of this one is gone or hangs. ' +
    'Every flow that is steered there is lost, the others are fine, which looks like a network that forgets some connections.\n\n' +
    'A queue that is not served and gets no packets loses nothing and is not reported.',
  symptom: 'ring-loss',
  needs: ['devices', 'freed'],
  judge: (window) =>
    fullRings(window, 'stalled')
      .map((seen) => ({ seen, others: siblingsTook(seen) }))
      .filter(({ others }) => others.some((packets) => packets > 0))
      .map(({ seen, others }) => dead(seen, others)),
};

function dead(seen: FullRing, others: readonly number[]): Diagnosis {
  const { queue, loss, stall, time } = seen;
  const { device, now } = queue;
  const flowing = others.filter((packets) => packets > 0);
  return onQueue(queue, {
    severity: stallSeverity(seen),
    brief: `${loses(loss)}: ${readerInShort(queue)} does not serve this queue`,
    cause: `${queueName(queue)} lost ${count(loss.lost)} of ${count(loss.offered)} packets: it was not served for ${duration(stall.seconds)}, while ${flowing.length} of its ${others.length} siblings flow.`,
    evidence: [
      `nothing was taken for ${duration(stall.seconds)}, ${count(now.ring?.occupancy ?? 0)} packets wait`,
      `the other queues gave ${count(flowing.reduce((sum, packets) => sum + packets, 0))} packets in the later half of that time`,
      fullTimeEvidence(time),
      `its reader: ${readerName(queue)}`,
    ],
    remedies: [
      {
        command: 'ethtool -l eth0',
        effect: `In the guest: fewer combined channels than ${device.now.attachedQueues} leave queues unserved; -L eth0 combined ${device.now.attachedQueues} uses all.`,
        lossless: true,
        restart: false,
        by: 'guest',
      },
      {
        command: undefined,
        effect: 'Give the VM or program only as many queues as it serves, or restart it if a thread of it has hung.',
        lossless: false,
        restart: true,
        by: 'host',
      },
    ],
    rejected: [
      { rule: READER_STALLED, because: `${flowing.length} other queues of it flow: not all of it has stopped` },
    ],
    confidence: 'high',
  });
}
