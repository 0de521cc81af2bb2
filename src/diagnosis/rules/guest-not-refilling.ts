// SPDX-License-Identifier: Apache-2.0

import { timesWithoutBuffer } from '../../snapshot/queue.ts';
import { type FullRing, fullRings } from '../evidence/full-ring.ts';
import { fullTimeEvidence } from '../evidence/full-time.ts';
import { gravityOf } from '../evidence/loss.ts';
import { notStalled } from '../evidence/stall.ts';
import type { Diagnosis } from '../finding.ts';
import { count, loses, percent, queueName, readerName, several } from '../format.ts';
import { onQueue } from '../make-finding.ts';
import { moreBuffers } from '../remedies/guest-remedies.ts';
import type { Rule } from '../rule.ts';
import { READER_CPU_BOUND, READER_STARVED } from '../rule-names.ts';
import { grown } from '../window.ts';

export const guestNotRefilling: Rule = {
  name: 'guest-not-refilling',
  summary: 'the guest gives back receive buffers more slowly than packets come',
  explanation:
    'The ring is full while the VM’s reader sleeps: there is nowhere to put a packet, because the guest has not posted another buffer. Packets still flow, in bursts. ' +
    'Its vCPUs may be busy or not scheduled, its virtio ring (rx_queue_size, 256 by default) small, or one CPU in it do all the receiving. ' +
    'If vhost-net can be traced, packets for which there was no buffer are counted, and the cause is certain. What the guest does inside is not visible from the host.\n\n' +
    'If no packet is taken at all, it is reader-stalled.',
  symptom: 'ring-loss',
  needs: ['devices', 'freed', 'readers'],
  judge: (window) => fullRings(window, 'guest').map(notRefilling),
};

function notRefilling({ queue, loss, time }: FullRing): Diagnosis {
  const noBuffer = grown(queue, timesWithoutBuffer);
  return onQueue(queue, {
    severity: gravityOf(loss),
    brief: `${loses(loss)}: its guest gives back receive buffers too slowly`,
    cause: `${queueName(queue)} lost ${count(loss.lost)} of ${several(loss.offered, 'packet')}: the guest gave back receive buffers too slowly${noBuffer ? `, ${several(noBuffer, 'time')} there was none for a packet` : `, and ${readerName(queue)} slept for ${percent(time?.share('sleeping') ?? 0)} of the time the ring was full`}.`,
    evidence: [
      noBuffer
        ? `${readerName(queue)} had a packet and no buffer to put it in ${several(noBuffer, 'time')}`
        : undefined,
      fullTimeEvidence(time),
      `${percent(loss.share)} of the packets were lost at the full ring of ${count(queue.now.ring?.capacity ?? 0)}`,
    ],
    remedies: [
      ...moreBuffers(queue),
      {
        command: 'mpstat -P ALL 5 1',
        effect:
          'In the guest: high steal means its vCPUs lack host CPUs; one CPU full of soft means spread its interrupts.',
        lossless: true,
        restart: false,
        by: 'guest',
      },
    ],
    rejected: [
      ...notStalled(queue),
      { rule: READER_CPU_BOUND, because: `it ran for only ${percent(time?.share('running') ?? 0)} of the full time` },
      {
        rule: READER_STARVED,
        because: `it or its guest waited for a CPU for ${percent(time?.share('waiting', 'throttled') ?? 0)} of it`,
      },
    ],
    confidence: noBuffer ? 'high' : 'medium',
  });
}
