// SPDX-License-Identifier: Apache-2.0

import { fullTime, fullTimeEvidence } from '../evidence/full-time.ts';
import { type Loss, lossInQueue, lossOf, severityOf } from '../evidence/loss.ts';
import type { Diagnosis } from '../finding.ts';
import { count, loses, percent, queueName, readerName, several } from '../format.ts';
import { onQueue } from '../make-finding.ts';
import { setLink } from '../remedies/command.ts';
import { recommendedSize } from '../remedies/ring-size.ts';
import type { Rule } from '../rule.ts';
import { QDISC_DROP } from '../rule-names.ts';
import { grown, type QueueSpan, type Window } from '../window.ts';

/** Above this a longer ring is only delay. */
const OFTEN_FULL = 0.1;
/** A ring that holds more of its capacity is not empty again after a burst. */
const HALF = 0.5;

export const xdpOverflow: Rule = {
  name: 'xdp-overflow',
  summary: 'frames that XDP redirects to the device find its ring full',
  explanation:
    'XDP redirects frames straight into the ring, past the qdisc and past flow control (IFF_BACKPRESSURE does not stop it), in bulks of up to 16. What does not fit is lost, and the device’s tx_dropped grows by one for each bulk, however many were lost: it understates this loss up to sixteen times. ' +
    'Frames go to the queue of the CPU that they came in on, for every flow.',
  symptom: 'redirect-loss',
  needs: ['devices', 'redirected'],
  judge: (window) => window.devices.flatMap(({ queues }) => queues.flatMap((queue) => overflowing(queue, window))),
};

function redirectLoss(queue: QueueSpan): Loss {
  const lost = grown(queue, ({ redirected }) => redirected?.lost ?? 0) ?? 0;
  return lossOf(lost, grown(queue, ({ redirected }) => redirected?.enqueued ?? 0) ?? 0, queue.device.seconds);
}

function overflowing(queue: QueueSpan, window: Window): readonly Diagnosis[] {
  const loss = lossInQueue(queue, redirectLoss);
  const { lost } = loss;
  const severity = severityOf(loss);
  if (!severity) return [];
  const time = fullTime(queue);
  const size = recommendedSize(queue);
  const { capacity = 0, occupancy = 0 } = queue.now.ring ?? {};
  const isOften = time !== undefined && time.ofWindow > OFTEN_FULL;
  // A ring that filled a moment ago and still is full may be the first that is seen of a reader that is too slow.
  const isBursts = time !== undefined && !isOften && occupancy <= capacity * HALF;
  const slow = isOften ? `, because ${readerName(queue)} takes them too slowly` : '';
  const why = isBursts ? ', because they come in bursts' : slow;
  const { now } = queue.device;
  return [
    onQueue(queue, {
      severity,
      explains: lost,
      brief: `${loses(loss)}: frames that XDP redirects do not fit its ring of ${count(capacity)}`,
      cause: `${queueName(queue)} lost ${count(lost)} of ${several(loss.offered, 'frame')} that XDP redirected to it: its ring of ${count(capacity)} was full${why}.`,
      evidence: [
        `${percent(loss.share)} of the redirected frames were lost, ${count(loss.perSecond)} a second`,
        fullTimeEvidence(time),
        now.flowControl === 'backpressure' ? 'IFF_BACKPRESSURE is set, and does not stop XDP' : undefined,
      ],
      remedies: [
        ...(size !== undefined && isBursts
          ? [
              {
                command: setLink(queue.device, window, `txqueuelen ${size}`),
                effect: 'Grows the ring while packets flow; frames wait longer when it is full.',
                lossless: true,
                restart: false,
                by: 'host',
              } as const,
            ]
          : []),
        {
          command: undefined,
          effect:
            'More queues spread the frames by the CPU they come in on; or let XDP redirect fewer, or pass them to the stack.',
          lossless: false,
          restart: true,
          by: 'host',
        },
      ],
      rejected: [{ rule: QDISC_DROP, because: `these ${count(lost)} passed no qdisc` }],
      confidence: time ? 'high' : 'medium',
    }),
  ];
}
