// SPDX-License-Identifier: Apache-2.0

import { isFull, STALLED_SECONDS, standstill } from '../evidence/stall.ts';
import type { Diagnosis, Remedy } from '../finding.ts';
import { count, duration, queueName, readerName, several } from '../format.ts';
import { onQueue } from '../make-finding.ts';
import { setLink } from '../remedies/command.ts';
import { wakeReader } from '../remedies/reader-remedies.ts';
import type { Rule } from '../rule.ts';
import { READER_STALLED } from '../rule-names.ts';
import { grown, type QueueSpan, type Window } from '../window.ts';

/** Seconds since the stop from which on it is critical, however short the window is. */
const CRITICAL_SECONDS = 5;

export const backpressureStall: Rule = {
  name: 'backpressure-stall',
  summary: 'the host stays stopped although the ring has room again',
  explanation:
    'A full ring stops its queue (IFF_BACKPRESSURE), which is woken when the reader has taken half of it. Here the queue is stopped, nothing is taken, and the ring is not full. ' +
    'With an empty ring the wake was lost, and no other will come: a bug of the kernel. With packets in it, the reader went to sleep between a full ring and a half-empty one. Any change of txqueuelen wakes the queue. If another wake came, sending was only paused.\n\n' +
    'A queue that is stopped with a full ring is what flow control is for; if nothing is taken from it for long, reader-stalled says so.',
  symptom: 'stop',
  needs: ['devices', 'stops'],
  judge: (window) => window.devices.flatMap(({ queues }) => queues.flatMap((queue) => stopped(queue, window))),
};

function stopped(queue: QueueSpan, window: Window): readonly Diagnosis[] {
  const { flow, ring } = queue.now;
  if (!flow || !ring) return [];
  const stall = standstill(queue, (_, now) => now.flow?.stoppedForSeconds !== undefined && !isFull(now));
  const stands = stall.lasts && stall.seconds >= STALLED_SECONDS && (flow.stoppedForSeconds ?? 0) >= STALLED_SECONDS;
  const wakesLost = grown(queue, (seen) => seen.flow?.wakesLost) ?? 0;
  if (!stands && wakesLost === 0) return [];
  const isEmpty = ring.occupancy === 0;
  const wakes = `${count(wakesLost)} ${wakesLost === 1 ? 'wake that was' : 'wakes that were'} due`;
  const room = isEmpty ? 'is empty: the wake was lost' : 'has room, and its reader takes nothing';
  return [
    onQueue(queue, {
      severity: stands && (flow.stoppedForSeconds ?? 0) >= CRITICAL_SECONDS ? 'critical' : 'warning',
      cause: stands
        ? `${queueName(queue)} gets nothing: the host is stopped for ${duration(flow.stoppedForSeconds ?? 0)} although its ring ${room}.`
        : `${queueName(queue)} was sent nothing for a moment: ${wakes} did not come.`,
      evidence: [
        stands
          ? `${several(ring.occupancy, 'packet')} in a ring of ${count(ring.capacity)}, none taken for ${duration(stall.seconds)}`
          : undefined,
        wakesLost > 0 ? `${wakes} under the ring’s lock did not come` : undefined,
        `reader: ${readerName(queue)}`,
      ],
      remedies: stands ? (isEmpty ? [wake(queue, window)] : wakeReader(queue, false)) : [report],
      rejected: stands
        ? [
            {
              rule: READER_STALLED,
              because: `the ring is not full: ${count(ring.occupancy)} of ${count(ring.capacity)}`,
            },
          ]
        : [],
      confidence: isEmpty && stands ? 'high' : 'medium',
    }),
  ];
}

const report: Remedy = {
  command: 'uname -rv',
  effect: 'Report it with this: the kernel is at fault.',
  lossless: true,
  restart: false,
  by: 'host',
};

function wake({ device }: QueueSpan, window: Window): Remedy {
  return {
    command: setLink(device, window, `txqueuelen ${device.now.queueLength + 1}`),
    effect:
      'Any change of the length wakes all queues of the device; one more loses nothing. Report it with uname -rv: the kernel is at fault.',
    lossless: true,
    restart: false,
    by: 'host',
  };
}
