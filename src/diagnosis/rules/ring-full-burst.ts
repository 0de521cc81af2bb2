// SPDX-License-Identifier: Apache-2.0

import { type FullRing, fullRings } from '../evidence/full-ring.ts';
import { fullTimeEvidence } from '../evidence/full-time.ts';
import { gravityOf } from '../evidence/loss.ts';
import { notStalled } from '../evidence/stall.ts';
import type { Diagnosis, Remedy } from '../finding.ts';
import { count, percent, queueName } from '../format.ts';
import { onQueue } from '../make-finding.ts';
import { setLink } from '../remedies/command.ts';
import { recommendedSize } from '../remedies/ring-size.ts';
import type { Rule } from '../rule.ts';
import { READER_CPU_BOUND } from '../rule-names.ts';
import type { QueueSpan, Window } from '../window.ts';

export const ringFullBurst: Rule = {
  name: 'ring-full-burst',
  summary: 'bursts overflow the ring although the reader keeps up on average',
  explanation:
    'The ring overflowed for moments and was empty again afterwards, so on average the reader keeps up: what is lost would have fitted into a longer ring. ' +
    'The overflows that have ended show which length would have held them; some headroom is added. Growing txqueuelen loses nothing. Never make it smaller while packets flow: packets that do not fit are discarded, and no counter shows it. tapscope whatif says what other lengths would have lost.\n\n' +
    'The rule does not apply if the queue is not read, or if the ring is full for much of the time: then the reader is too slow, and a longer ring only adds delay.',
  symptom: 'ring-loss',
  needs: ['devices', 'freed'],
  judge: (window) => fullRings(window, 'burst').map((seen) => burst(seen, window)),
};

function burst({ queue, loss, time, episodes }: FullRing, window: Window): Diagnosis {
  const { ring, history } = queue.now;
  const needed = history?.overflow?.needed ?? 0;
  return onQueue(queue, {
    severity: gravityOf(loss),
    cause: `${queueName(queue)} lost ${count(loss.lost)} of ${count(loss.offered)} packets in bursts that its ring of ${count(ring?.capacity ?? 0)} could not hold, although its reader keeps up on average.`,
    evidence: [
      episodes ? `${count(episodes)} overflows, and the ring was empty again after each` : undefined,
      needed > 0 ? `a ring of ${count(needed)} would have held the largest of the last minutes` : undefined,
      fullTimeEvidence(time),
      `${percent(loss.share)} of the packets were lost`,
    ],
    remedies: longerRing(queue, window),
    rejected: [
      ...(time
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
  return [
    {
      command: setLink(queue.device, window, `txqueuelen ${size}`),
      effect:
        'Grows each ring of the device while packets flow; they wait longer when one is full. Keep it by a udev rule or the VPN’s own option.',
      lossless: true,
      restart: false,
      by: 'host',
    },
  ];
}
