// SPDX-License-Identifier: Apache-2.0

import { workerOf } from '../../snapshot/queue.ts';
import { type FullRing, fullRings, isGuest } from '../evidence/full-ring.ts';
import { fullTimeEvidence, useEvidence } from '../evidence/full-time.ts';
import { delivered, gravityOf } from '../evidence/loss.ts';
import type { Diagnosis, Remedy } from '../finding.ts';
import { count, loses, percent, queueName, readerInShort, readerName, several } from '../format.ts';
import { onQueue } from '../make-finding.ts';
import { moreQueues, useVhost } from '../remedies/guest-remedies.ts';
import type { Rule } from '../rule.ts';
import { READER_STARVED, RING_FULL_BURST } from '../rule-names.ts';
import { grown, type QueueSpan } from '../window.ts';

export const readerCpuBound: Rule = {
  name: 'reader-cpu-bound',
  summary: 'the reader runs all the time and is slower than its packets come',
  explanation:
    'While the ring was full its reader was on a CPU and took packets, only not as fast as they came: one thread of a VPN that encrypts, or one vhost-net worker, is at its limit. ' +
    'More threads or queues, or less work for each packet, is the way out. A bigger ring only lets packets wait longer before as many are lost.\n\n' +
    'A reader that spins and takes nothing also has a CPU: that is reader-stalled.',
  symptom: 'ring-loss',
  needs: ['devices', 'freed', 'readers'],
  judge: (window) => fullRings(window, 'cpu-bound').map(cpuBound),
};

function cpuBound({ queue, loss, time, use }: FullRing): Diagnosis {
  const { seconds } = queue.device;
  const took = delivered(queue);
  const cpu = grown(queue, (one) => workerOf(one)?.seconds);
  const ran = use
    ? `${percent(use.ran)} of the time`
    : `${percent(time?.share('running') ?? 0)} of the time the ring was full`;
  return onQueue(queue, {
    severity: gravityOf(loss),
    brief: `${loses(loss)}: ${readerInShort(queue)} uses all of its CPU`,
    cause: `${queueName(queue)} lost ${count(loss.lost)} of ${several(loss.offered, 'packet')}: its reader, ${readerName(queue)}, ran for ${ran} and could not keep up.`,
    evidence: [
      useEvidence(use),
      fullTimeEvidence(time),
      took === undefined
        ? undefined
        : `${several(loss.offered / seconds, 'packet')} a second came, ${count(took / seconds)} were taken`,
      cpu === undefined ? undefined : `the worker used ${percent(cpu / seconds)} of a CPU`,
    ],
    remedies: [...useVhost(queue), ...(isGuest(queue) ? moreQueues(queue) : fasterReader(queue)), waitInstead],
    rejected: [
      {
        rule: READER_STARVED,
        because: use
          ? `it waited for a CPU for only ${percent(use.waited)} of the time`
          : `it waited for a CPU for only ${percent(time?.share('waiting', 'throttled') ?? 0)} of the full time`,
      },
      {
        rule: RING_FULL_BURST,
        because: use
          ? `its reader ran or waited for ${percent(use.ran + use.waited)} of the time: no size holds that`
          : `the ring was full for ${percent(time?.ofWindow ?? 0)} of the window: no size holds that`,
      },
    ],
    confidence: 'high',
  });
}

const waitInstead: Remedy = {
  command: undefined,
  effect: 'Linux 7.3: open the device with IFF_BACKPRESSURE, and keep a qdisc: senders wait instead of losing packets.',
  lossless: true,
  restart: true,
  by: 'vmm',
};

function fasterReader({ now: { owner } }: QueueSpan): readonly Remedy[] {
  const isOpenvpn = owner?.identity?.program === 'openvpn';
  return [
    {
      command: undefined,
      effect: isOpenvpn
        ? 'Data channel offload (DCO) moves OpenVPN’s packets into the kernel; else a cheaper cipher, or several instances.'
        : 'More threads or queues (IFF_MULTI_QUEUE) in the reading program, or less work for each packet.',
      lossless: false,
      restart: true,
      by: isOpenvpn ? 'host' : 'vmm',
    },
  ];
}
