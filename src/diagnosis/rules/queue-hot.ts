// SPDX-License-Identifier: Apache-2.0

import { type FullRing, type FullRingCause, fullRings, isGuest } from '../evidence/full-ring.ts';
import { fullTimeEvidence } from '../evidence/full-time.ts';
import { gravityOf, ringLoss, severityOf } from '../evidence/loss.ts';
import { fewFlowsOf, type Steering, steeringOf } from '../evidence/steering.ts';
import type { Diagnosis, Remedy } from '../finding.ts';
import { count, loses, percent, queueName, several } from '../format.ts';
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
/** A reader that gets little CPU is its fault too, where its program's writes send it the packets of all. */
const HELPED_IF_STEERED: readonly FullRingCause[] = [...HELPED, 'starved', 'paused'];

export const queueHot: Rule = {
  name: 'queue-hot',
  summary: 'one queue of several gets nearly all packets and overflows, the others idle',
  explanation:
    'Flows are spread over the queues by a hash, or by the queue that the guest or program was last seen to write them to: tun sends the answers to a flow where its packets came from. Here one queue gets more than four fifths and loses packets while the others have room, so that its reader alone is at its limit. ' +
    'Few large flows do that, and tunnels (one flow outside, with any number inside): more queues do not help them. So does a program that writes all its packets to one descriptor, or a guest that sends by one transmit queue: then tun’s flow table, which is read while somebody asks, has all of its flows in that queue.\n\n' +
    'If the others get nothing at all, it is one flow, most likely a test; then the cause for that queue is reported, and one flow as information, where the flow table shows it.',
  symptom: 'ring-loss',
  needs: ['devices', 'freed'],
  judge: (window) => fullRings(window).flatMap((seen) => (seen.queue.device.queues.length > 1 ? hot(seen) : [])),
};

interface Others {
  readonly number: number;
  readonly offered: number;
  readonly lost: number;
}

function hot(seen: FullRing): readonly Diagnosis[] {
  const { queue, loss, cause } = seen;
  const beside = queue.device.queues.filter((one) => one !== queue).map((one: QueueSpan) => ringLoss(one));
  const others: Others = {
    number: beside.length,
    offered: beside.reduce((sum, one) => sum + (one?.offered ?? 0), 0),
    lost: beside.reduce((sum, one) => sum + (one?.lost ?? 0), 0),
  };
  const share = loss.offered / (loss.offered + others.offered);
  if (share < HOT || beside.some((one) => one && severityOf(one))) return [];
  const steering = steeringOf(queue);
  if (steering && HELPED_IF_STEERED.includes(cause)) return [finding(seen, others, share, steering)];
  const single = fewFlowsOf(queue);
  if (single && 1 - share < OTHERS) return [oneFlow(seen, single)];
  const haveOwn = 1 - share >= OTHERS && others.offered >= FEWEST_OTHERS;
  return haveOwn && HELPED.includes(cause) ? [finding(seen, others, share, undefined)] : [];
}

function finding(
  { queue, loss, time }: FullRing,
  others: Others,
  share: number,
  steering: Steering | undefined,
): Diagnosis {
  const siblings = `its ${others.number} sibling${others.number > 1 ? 's' : ''}`;
  const rest = `${siblings} the rest, ${others.lost > 0 ? `of which ${count(others.lost)} were lost` : 'without loss'}`;
  const why = steering
    ? `, because ${isGuest(queue) ? 'its guest' : 'its program'} writes ${steering.here} of its ${steering.flows} flows to this queue, and tun steers the answers there`
    : '';
  return onQueue(queue, {
    severity: gravityOf(loss),
    brief: `${loses(loss)}: it gets ${percent(share)} of the device’s packets`,
    cause: `${queueName(queue)} lost ${several(loss.lost, 'packet')}: it gets ${percent(share)} of the device’s packets${steering ? why : `, ${rest}`}.`,
    evidence: [
      `${several(loss.offered, 'packet')} to this queue, ${count(others.offered)} to the ${others.number === 1 ? 'other' : `${others.number} others together`}`,
      others.offered > 0
        ? `${percent(loss.share)} of this queue’s packets were lost, ${percent(others.lost / others.offered)} of the others’`
        : `${percent(loss.share)} of this queue’s packets were lost`,
      steering
        ? `flow table: ${steering.here} of the ${steering.flows} flows that were written within three seconds were last written to this queue`
        : undefined,
      fullTimeEvidence(time),
    ],
    remedies: steering ? [spreadWrites(queue)] : [spreadInGuest, countFlows],
    rejected: [
      ...(others.lost > 0
        ? []
        : [
            {
              rule: READER_CPU_BOUND,
              because: `${others.number === 1 ? 'the reader of the other queue has' : `readers of the ${others.number} other queues have`} room for more`,
            },
          ]),
      {
        rule: QUEUE_DEAD,
        because: `${several(loss.offered - loss.lost, 'packet of it was', 'packets of it were')} taken`,
      },
    ],
    confidence: steering ? 'high' : 'medium',
  });
}

/** No fault: the cause of the loss is another rule's, and more queues are no remedy. */
function oneFlow({ queue, loss }: FullRing, { flows }: Steering): Diagnosis {
  return onQueue(queue, {
    severity: 'info',
    cause: `${queueName(queue)} carries all: ${flows === 1 ? 'there is one flow' : `there are ${flows} flows`}, and a flow never uses a second queue.`,
    evidence: [
      `flow table: ${flows} flow${flows === 1 ? '' : 's'} within three seconds, answered by this queue`,
      `${several(loss.offered, 'packet')} to this queue, hardly any to the others`,
    ],
    remedies: [countFlows],
    rejected: [],
    confidence: 'medium',
  });
}

const spreadInGuest: Remedy = {
  command: 'ethtool -x eth0',
  effect: 'In the guest: its table for receive hashing should name all queues; ethtool -X eth0 equal N spreads anew.',
  lossless: true,
  restart: false,
  by: 'guest',
};

const countFlows: Remedy = {
  command: undefined,
  effect:
    'Count the flows: one large flow, or a tunnel, stays in one queue. Spread it over several, or see why its reader is slow.',
  lossless: true,
  restart: false,
  by: 'host',
};

function spreadWrites(queue: QueueSpan): Remedy {
  return isGuest(queue)
    ? {
        command: 'ethtool -l eth0',
        effect:
          'In the guest: shows its queues; ethtool -L eth0 combined N turns more on, xps_cpus spreads what it sends over them.',
        lossless: true,
        restart: false,
        by: 'guest',
      }
    : {
        command: undefined,
        effect:
          'Let the program write each flow to the queue it reads it from, or choose queues by TUNSETSTEERINGEBPF.',
        lossless: true,
        restart: true,
        by: 'vmm',
      };
}
