// SPDX-License-Identifier: Apache-2.0

import { type FullRing, fullRings } from '../evidence/full-ring.ts';
import { fullTimeEvidence } from '../evidence/full-time.ts';
import { gravityOf } from '../evidence/loss.ts';
import { notStalled } from '../evidence/stall.ts';
import type { Diagnosis } from '../finding.ts';
import { count, percent, queueName, readerName } from '../format.ts';
import { onQueue } from '../make-finding.ts';
import type { Rule } from '../rule.ts';
import { READER_CPU_BOUND } from '../rule-names.ts';

export const readerBlocked: Rule = {
  name: 'reader-blocked',
  summary: 'the reading program sleeps while its queue is full: it waits for something else',
  explanation:
    'The ring is full, so there is something to read, and the program that reads it sleeps: it is blocked in another call. VPNs wait for their own socket (a full send buffer, a slow network), for a lock, for a disk that logs, or pause on purpose. ' +
    'Its CPU is not the limit, and a bigger ring only lets packets wait longer.\n\nFor a virtual machine, the same symptoms are guest-not-refilling.',
  symptom: 'ring-loss',
  needs: ['devices', 'freed', 'readers'],
  judge: (window) => fullRings(window, 'blocked').map(blocked),
};

function blocked({ queue, loss, time }: FullRing): Diagnosis {
  const { owner } = queue.now;
  return onQueue(queue, {
    severity: gravityOf(loss),
    cause: `${queueName(queue)} lost ${count(loss.lost)} of ${count(loss.offered)} packets: its reader, ${readerName(queue)}, slept for ${percent(time?.share('sleeping') ?? 0)} of the time the ring was full, waiting for something else.`,
    evidence: [fullTimeEvidence(time), `${count(loss.offered - loss.lost)} packets were taken meanwhile`],
    remedies: [
      {
        command: `ps -L -o tid,stat,wchan:32,comm -p ${owner?.pid ?? 'PID'}`,
        effect: 'Shows in which kernel function its threads sleep: sending on a socket, a lock, a disk, a timer.',
        lossless: true,
        restart: false,
        by: 'host',
      },
      {
        // Where its sockets are, which may be another namespace than the device's.
        command: `nsenter -t ${owner?.pid ?? 'PID'} -n nstat -az UdpSndbufErrors UdpRcvbufErrors TcpExtTCPTimeouts`,
        effect: 'Of a VPN: whether the network that it sends into is the slow part.',
        lossless: true,
        restart: false,
        by: 'host',
      },
    ],
    rejected: [
      { rule: READER_CPU_BOUND, because: `it ran for only ${percent(time?.share('running') ?? 0)} of the full time` },
      ...notStalled(queue),
    ],
    confidence: 'medium',
  });
}
