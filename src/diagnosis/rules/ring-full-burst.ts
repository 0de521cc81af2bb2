// SPDX-License-Identifier: Apache-2.0

import { type FullRing, fullRings } from '../evidence/full-ring.ts';
import { fullTimeEvidence, useEvidence } from '../evidence/full-time.ts';
import { MUCH_LOST, SHORT_RING } from '../evidence/look-alikes.ts';
import { gravityOf } from '../evidence/loss.ts';
import { notStalled } from '../evidence/stall.ts';
import type { Diagnosis, Remedy } from '../finding.ts';
import { count, duration, loses, percent, queueName, several } from '../format.ts';
import { onQueue } from '../make-finding.ts';
import { setLink } from '../remedies/command.ts';
import { giveCpu } from '../remedies/reader-remedies.ts';
import { recommendedSize } from '../remedies/ring-size.ts';
import type { Rule } from '../rule.ts';
import { READER_CPU_BOUND } from '../rule-names.ts';
import type { QueueSpan, Window } from '../window.ts';

export const ringFullBurst: Rule = {
  name: 'ring-full-burst',
  summary: 'bursts overflow the ring, and its reader has the time to read them',
  explanation:
    'The ring overflowed for moments and was empty again afterwards, and its reader had time left: what is lost would have fitted into a longer ring. ' +
    'The scheduler’s count of how long the reader ran and waited decides, where it can be had: with all that was lost it would still have been busy for less than 80 % of the time. ' +
    'A ring of less than 50 is named first, whatever its reader does, if the default (1000, of a tun 500) would have held every overflow: before any scheduler gives a thread a CPU, such a ring is full. ' +
    'The overflows that have ended show which length would have held them; some headroom is added. Growing txqueuelen loses nothing. Never make it smaller while packets flow: packets that do not fit are discarded, and no counter shows it. tapscope whatif says what other lengths would have lost.\n\n' +
    'The rule does not apply if the queue is not read, or if the reader has no time left: then it is too slow, or gets too little CPU, and a longer ring only adds delay.',
  symptom: 'ring-loss',
  needs: ['devices', 'freed'],
  judge: (window) => fullRings(window, 'burst').map((seen) => burst(seen, window)),
};

/** The reader of a short ring waits for a CPU so much that this is worth a second remedy. */
const WAITS = 0.2;

function burst({ queue, loss, time, use, episodes }: FullRing, window: Window): Diagnosis {
  const { ring, history } = queue.now;
  const capacity = ring?.capacity ?? 0;
  const isShort = capacity < SHORT_RING;
  const average = loss.share < MUCH_LOST ? ', although its reader keeps up on average' : '';
  const why = isShort ? `: the default is ${queue.device.now.kind === 'tun' ? 500 : 1000}` : average;
  const needed = history?.overflow?.needed ?? 0;
  return onQueue(queue, {
    severity: gravityOf(loss),
    brief: `${loses(loss)}: bursts do not fit its ring of ${count(capacity)}`,
    cause: `${queueName(queue)} lost ${count(loss.lost)} of ${several(loss.offered, 'packet')} in bursts that its ring of ${count(capacity)} could not hold${why}.`,
    evidence: [
      episodes
        ? `${several(episodes, 'overflow')} in ${duration(queue.device.seconds)}, and the ring was empty again after ${episodes === 1 ? 'it' : 'each'}`
        : undefined,
      needed > 0 ? `a ring of ${count(needed)} would have held the largest overflow that was seen` : undefined,
      useEvidence(use),
      fullTimeEvidence(time),
      `${percent(loss.share)} of the packets were lost`,
    ],
    remedies: [...longerRing(queue, window), ...(isShort && (use?.waited ?? 0) >= WAITS ? giveCpu(queue) : [])],
    rejected: [
      ...(use
        ? [{ rule: READER_CPU_BOUND, because: `it ran for only ${percent(use.ran)} of the time` }]
        : time
          ? [{ rule: READER_CPU_BOUND, because: `the ring was full for only ${percent(time.ofWindow)} of the window` }]
          : []),
      ...notStalled(queue),
    ],
    confidence: episodes && needed > 0 && time ? 'high' : 'medium',
  });
}

function longerRing(queue: QueueSpan, window: Window): readonly Remedy[] {
  const size = recommendedSize(queue);
  if (size === undefined) return [];
  const needed = queue.now.history?.overflow?.needed ?? 0;
  const why = needed > 0 ? `${count(needed)} is the least that would do, ${count(size)} leaves room. ` : '';
  return [
    {
      command: setLink(queue.device, window, `txqueuelen ${size}`),
      effect: `${why}Grows each ring of the device while packets flow; they wait longer in a full one. Keep it by a udev rule.`,
      lossless: true,
      restart: false,
      by: 'host',
    },
  ];
}
