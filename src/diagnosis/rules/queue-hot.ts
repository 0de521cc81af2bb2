// SPDX-License-Identifier: Apache-2.0

import { type FullRing, type FullRingCause, fullRings } from '../evidence/full-ring.ts';
import { fullTimeEvidence } from '../evidence/full-time.ts';
import { gravityOf, ringLoss, severityOf } from '../evidence/loss.ts';
import type { Diagnosis } from '../finding.ts';
import { count, percent, queueName } from '../format.ts';
import { onQueue } from '../make-finding.ts';
import type { Rule } from '../rule.ts';
import { QUEUE_DEAD, READER_CPU_BOUND } from '../rule-names.ts';
import type { QueueSpan } from '../window.ts';

/** A share of the device's packets that no chance explains. */
const HOT = 0.8;
/** Below this the others carry no flows of their own: a test with a single flow is no fault. */
const OTHERS = 0.01;
const FEWEST_OTHERS = 50;
/** Causes that another distribution of the same packets would remove. */
const HELPED: readonly FullRingCause[] = ['burst', 'cpu-bound', 'guest', 'blocked', 'unknown'];

export const queueHot: Rule = {
  name: 'queue-hot',
  summary: 'one queue of several gets nearly all packets and overflows, the others idle',
  explanation:
    'Flows are spread over the queues by a hash, or by what the guest was last seen to use. Here one queue gets more than four fifths and loses packets while the others have room, so that its reader alone is at its limit. ' +
    'Few large flows do that, and tunnels (one flow outside, with any number inside): more queues do not help them.\n\n' +
    'If the others get nothing at all, it is one flow, most likely a test; then only the cause for that queue is reported.',
  symptom: 'ring-loss',
  needs: ['devices', 'freed'],
  judge: (window) =>
    fullRings(window)
      .filter(({ cause, queue }) => HELPED.includes(cause) && queue.device.queues.length > 1)
      .flatMap((seen) => hot(seen)),
};

function hot({ queue, loss, time }: FullRing): readonly Diagnosis[] {
  const others = queue.device.queues.filter((one) => one !== queue).map((one: QueueSpan) => ringLoss(one));
  const offered = others.reduce((sum, one) => sum + (one?.offered ?? 0), 0);
  const lost = others.reduce((sum, one) => sum + (one?.lost ?? 0), 0);
  const share = loss.offered / (loss.offered + offered);
  const alsoLose = others.some((one) => one && severityOf(one));
  if (share < HOT || 1 - share < OTHERS || offered < FEWEST_OTHERS || alsoLose) return [];
  return [
    onQueue(queue, {
      severity: gravityOf(loss),
      cause: `${queueName(queue)} lost ${count(loss.lost)} packets: it gets ${percent(share)} of the device’s packets, its ${others.length} sibling${others.length > 1 ? 's' : ''} the rest, ${lost > 0 ? `of which ${count(lost)} were lost` : 'without loss'}.`,
      evidence: [
        `${count(loss.offered)} packets to this queue, ${count(offered)} to the ${others.length} others together`,
        `${percent(loss.share)} of this queue’s packets were lost, ${percent(lost / offered)} of the others’`,
        fullTimeEvidence(time),
      ],
      remedies: [
        {
          command: 'ethtool -x eth0',
          effect:
            'In the guest: its table for receive hashing should name all queues; ethtool -X eth0 equal N spreads anew.',
          lossless: true,
          restart: false,
          by: 'guest',
        },
        {
          command: undefined,
          effect:
            'Count the flows: one large flow, or a tunnel, stays in one queue. Spread it over several, or see why its reader is slow.',
          lossless: true,
          restart: false,
          by: 'host',
        },
      ],
      rejected: [
        ...(lost > 0
          ? []
          : [{ rule: READER_CPU_BOUND, because: `readers of the ${others.length} other queues have room for more` }]),
        { rule: QUEUE_DEAD, because: `${count(loss.offered - loss.lost)} packets of it were taken` },
      ],
      confidence: 'medium',
    }),
  ];
}
