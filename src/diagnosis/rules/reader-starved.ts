// SPDX-License-Identifier: Apache-2.0

import { workerOf } from '../../snapshot/queue.ts';
import { type FullRing, fullRings, isBehindVcpus } from '../evidence/full-ring.ts';
import { fullTimeEvidence, useEvidence } from '../evidence/full-time.ts';
import { gravityOf } from '../evidence/loss.ts';
import { rivalEvidence } from '../evidence/rivals.ts';
import { starvedVcpus } from '../evidence/vcpus.ts';
import type { Diagnosis } from '../finding.ts';
import { count, loses, percent, queueName, readerInShort, readerName, several } from '../format.ts';
import { onQueue } from '../make-finding.ts';
import { giveCpu, raiseQuota } from '../remedies/reader-remedies.ts';
import type { Rule } from '../rule.ts';
import { GUEST_NOT_REFILLING, READER_CPU_BOUND, RING_FULL_BURST } from '../rule-names.ts';
import type { Window } from '../window.ts';

export const readerStarved: Rule = {
  name: 'reader-starved',
  summary: 'the reader wants to run and gets no CPU',
  explanation:
    'Its reader could run for most of the time and did not: others had the CPU (waiting), or its cgroup had used up its share (throttled). ' +
    'How long it ran and waited is the scheduler’s own count (schedstat): it decides where the reading thread is known. Else the samples of a full ring do. ' +
    'If a vhost-net worker sleeps, the agent samples its owner’s threads: a guest whose vCPUs wait or are throttled gives it no buffers. It does not record which of them waited; ps shows which wait now. ' +
    'The same holds for QEMU’s own thread: it sleeps while a vCPU thread that has its lock gets no CPU. ' +
    'Processes that ran on the reader’s CPU are named by their share of the samples that found the reader waiting; a sample that took that CPU itself names nothing.\n\n' +
    'Every busy host lets threads wait now and then; a reader that has time left, or whose ring is far too short, is not starved. A faster reader or a bigger ring does not help, a free CPU or a higher limit does.',
  symptom: 'ring-loss',
  needs: ['devices', 'freed', 'readers'],
  judge: (window) => fullRings(window, 'starved').map((full) => starved(full, window)),
};

function starved({ queue, loss, time, use }: FullRing, window: Window): Diagnosis {
  const throttled = time?.share('throttled') ?? 0;
  const waiting = time?.share('waiting') ?? 0;
  const isThrottled = throttled > waiting;
  const guest = time && isBehindVcpus(queue, time) ? starvedVcpus(queue) : undefined;
  const full = 'of the time the ring was full';
  const why = guest
    ? `slept for ${percent(time?.share('sleeping') ?? 0)} ${full}: ${guest}`
    : isThrottled
      ? `had used up its cgroup’s CPU time for ${percent(throttled)} ${full}`
      : use && use.waited > use.ran
        ? `could run and got no CPU for ${percent(use.waited)} of the time`
        : `could run and got no CPU for ${percent(waiting)} ${full}`;
  const worker = workerOf(queue.now);
  const who = `its reader, ${readerName(queue)},${worker ? ' or its guest' : ''}`;
  return onQueue(queue, {
    severity: gravityOf(loss),
    brief: `${loses(loss)}: ${readerInShort(queue)} ${guest ? 'waits for vCPUs that get no CPU' : isThrottled ? 'has used up its CPU quota' : 'gets no CPU'}`,
    cause: `${queueName(queue)} lost ${count(loss.lost)} of ${several(loss.offered, 'packet')}: ${who} ${why}.`,
    evidence: [
      useEvidence(use),
      fullTimeEvidence(time),
      isThrottled ? undefined : rivalEvidence(queue),
      `${percent(loss.share)} of the packets were lost at the full ring of ${count(queue.now.ring?.capacity ?? 0)}`,
      worker && `the worker is on CPU ${worker.cpu}; while it sleeps, its guest’s threads are looked at`,
    ],
    remedies: isThrottled ? raiseQuota(queue, window) : giveCpu(queue),
    rejected: [
      {
        rule: READER_CPU_BOUND,
        because: use
          ? `it ran for only ${percent(use.ran)} of the time`
          : `it ran for only ${percent(time?.share('running') ?? 0)} of the full time`,
      },
      ...(worker || guest
        ? []
        : [
            {
              rule: GUEST_NOT_REFILLING,
              because: `it slept for only ${percent(time?.share('sleeping') ?? 0)} of it`,
            },
          ]),
      {
        rule: RING_FULL_BURST,
        because: use
          ? `its reader ran or waited for ${percent(use.ran + use.waited)} of the time`
          : `the ring was full for ${percent(time?.ofWindow ?? 0)} of the window`,
      },
    ],
    confidence: 'high',
  });
}
