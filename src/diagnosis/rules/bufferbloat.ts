// SPDX-License-Identifier: Apache-2.0

import type { Queue } from '../../snapshot/queue.ts';
import { delaySeverity } from '../evidence/delay.ts';
import { isQdiscDrop } from '../evidence/drop-kinds.ts';
import { fullRing } from '../evidence/full-ring.ts';
import { delivered, lossBefore, severityOf } from '../evidence/loss.ts';
import { isSampledOften } from '../evidence/stall.ts';
import { heldBack } from '../evidence/stopped-queue.ts';
import type { Diagnosis } from '../finding.ts';
import { count, duration, queueName, several } from '../format.ts';
import { onQueue } from '../make-finding.ts';
import type { Rule } from '../rule.ts';
import { RING_FULL_BURST } from '../rule-names.ts';
import type { DeviceSpan, QueueSpan } from '../window.ts';

/** A bound of the histogram and of the alert: 2^26 ns. */
const LATE_SECONDS = 0.067;
const LATE_BITS = 26;
/** One packet in 256 is timed, on some kernels. */
const FEWEST_TIMED = 10;
/** Where they are far apart: what a few samples find in the ring need not be there in between. */
const FEWEST_SAMPLES = 6;
/** The share of the snapshots: a pause of a second does not last that long. */
const MOSTLY = 0.7;
const FEWEST_TAKEN = 20;

export const bufferbloat: Rule = {
  name: 'bufferbloat',
  summary: 'nothing is lost, but packets wait long in a standing queue',
  explanation:
    'The ring holds a queue that does not drain: as many packets come as are taken, and each waits behind all the others. The wait follows from the number of waiting packets and the rate at which they are read (Little’s law), on every kernel. ' +
    'Often txqueuelen was raised against loss. Transfers hardly suffer from it; interactive traffic does. ' +
    'A mean of 100 ms is a warning, of a second critical. Where a full ring stops its queue, and packets stand in the qdisc as well, qdisc-delay shows both.\n\n' +
    'A ring alone can only choose between loss and delay. A faster reader helps, or from Linux 7.3 on a short ring with IFF_BACKPRESSURE below a qdisc that knows about delay.',
  symptom: 'delay',
  needs: ['devices'],
  judge: ({ devices }) => devices.flatMap(({ queues }) => queues.flatMap(standing)),
};

/** Bursts that come at the moments of the snapshots look like a standing queue: timed packets tell them apart. */
function timedLate({ before, now, device, steps }: QueueSpan): number {
  const counts = (queue: Queue): readonly number[] => queue.history?.sojourn?.buckets ?? [];
  const earlier = counts(before);
  const spans = counts(now).map((packets, bits) => packets - (earlier[bits] ?? 0));
  const all = sum(spans);
  if (all < FEWEST_TIMED) return isSampledOften(device) || steps.length >= FEWEST_SAMPLES ? 1 : 0;
  return sum(spans.slice(LATE_BITS + 1)) / all;
}

function sum(values: readonly number[]): number {
  return values.reduce((all, one) => all + one, 0);
}

/** What the qdisc drops for it is the graver half. */
function isLost(device: DeviceSpan): boolean {
  const loss = lossBefore(device, isQdiscDrop);
  return loss !== undefined && severityOf(loss) !== undefined;
}

function standing(queue: QueueSpan): readonly Diagnosis[] {
  const { device, steps, now } = queue;
  const taken = delivered(queue) ?? 0;
  if (!now.ring || taken < FEWEST_TAKEN || fullRing(queue) || heldBack(device)?.queue === queue) return [];
  const perSecond = taken / device.seconds;
  const waits = steps.map(({ ring }) => (ring?.occupancy ?? 0) / perSecond);
  const late = waits.filter((seconds) => seconds > LATE_SECONDS).length / waits.length;
  const mean = waits.reduce((sum, seconds) => sum + seconds, 0) / waits.length;
  if (late < MOSTLY || mean < LATE_SECONDS || timedLate(queue) < MOSTLY) return [];
  const { capacity, occupancy } = now.ring;
  return [
    onQueue(queue, {
      severity: isLost(device) ? 'info' : delaySeverity(mean),
      brief: `delays each packet by ${duration(mean)}: ${count(mean * perSecond)} wait in its ring of ${count(capacity)}`,
      cause: `${queueName(queue)} delays each packet by about ${duration(mean)}: some ${count(mean * perSecond)} stand in its ring of ${count(capacity)}, and ${count(perSecond)} a second are taken.`,
      evidence: [
        `${several(occupancy, 'packet')} in the ring now, ${count(mean * perSecond)} on average of ${steps.length} looks`,
        `${several(perSecond, 'packet')} a second are taken, none of the ring’s were lost in numbers`,
      ],
      remedies: [
        {
          command: undefined,
          effect:
            'A faster reader (a free CPU, more queues) drains it. A shorter ring only before the reader starts: now it loses packets.',
          lossless: true,
          restart: true,
          by: 'host',
        },
        {
          command: undefined,
          effect:
            'With a bandwidth just below what the reader takes, the queue moves into cake, which keeps it short by dropping.',
          lossless: false,
          restart: false,
          by: 'host',
        },
        {
          command: undefined,
          effect: 'Linux 7.3: open the device with IFF_BACKPRESSURE, a short ring and fq_codel.',
          lossless: true,
          restart: true,
          by: 'vmm',
        },
      ],
      rejected: [{ rule: RING_FULL_BURST, because: `the ring of ${count(capacity)} holds what comes` }],
      confidence: 'high',
    }),
  ];
}
