// SPDX-License-Identifier: Apache-2.0

import { type FullRing, fullRings } from '../evidence/full-ring.ts';
import { fullTimeEvidence, useEvidence } from '../evidence/full-time.ts';
import { gravityOf } from '../evidence/loss.ts';
import { sleptIn } from '../evidence/reader-use.ts';
import { notStalled } from '../evidence/stall.ts';
import type { Diagnosis, Remedy } from '../finding.ts';
import { provenRing } from '../forecast/proven-ring.ts';
import { count, duration, loses, percent, queueName, readerInShort, readerName, several } from '../format.ts';
import { onQueue } from '../make-finding.ts';
import { setLink } from '../remedies/command.ts';
import { withRoom } from '../remedies/ring-size.ts';
import type { Rule } from '../rule.ts';
import { READER_CPU_BOUND } from '../rule-names.ts';
import type { QueueSpan, Window } from '../window.ts';

export const readerBlocked: Rule = {
  name: 'reader-blocked',
  summary: 'the reading program sleeps while its queue is full: it waits for something else',
  explanation:
    'The ring is full, so there is something to read, and the program that reads it sleeps: it is blocked in another call. VPNs wait for their own socket (a full send buffer, a slow network), for a lock, for a disk that logs, or pause on purpose. ' +
    'Its CPU is not the limit. Of a reader that catches up after each pause, the ring that would have held all of it is named, as tapscope whatif proves it; for one that never does, a bigger ring only lets packets wait longer.\n\nFor a virtual machine, the same symptoms are guest-not-refilling.',
  symptom: 'ring-loss',
  needs: ['devices', 'freed', 'readers'],
  judge: (window) => fullRings(window, 'blocked').map((seen) => blocked(seen, window)),
};

function blocked({ queue, loss, time, use }: FullRing, window: Window): Diagnosis {
  const { owner } = queue.now;
  const sleeps = sleptIn(queue, use?.threads ?? []);
  const isPaused = sleeps !== undefined && TIMERS.test(sleeps);
  const asleep = time?.share('sleeping') ?? 0;
  // Of a ring that was never empty all idle time counts, however few samples met it.
  const slept =
    use && asleep < 0.5
      ? `${percent(1 - use.ran - use.waited)} of the time, while packets waited`
      : `${percent(asleep)} of the time the ring was full`;
  return onQueue(queue, {
    severity: gravityOf(loss),
    brief: `${loses(loss)}: ${readerInShort(queue)} ${isPaused ? 'pauses on purpose' : 'sleeps and waits for something else'}`,
    cause: `${queueName(queue)} lost ${count(loss.lost)} of ${several(loss.offered, 'packet')}: its reader, ${readerName(queue)}, slept for ${slept}, ${isPaused ? 'on purpose' : 'waiting for something else'}.`,
    evidence: [
      sleeps && `its thread sleeps in ${sleeps}${isPaused ? ' (a timer: it pauses by itself)' : ''}`,
      fullTimeEvidence(time),
      useEvidence(use),
      `${several(loss.offered - loss.lost, 'packet was', 'packets were')} taken meanwhile`,
    ],
    remedies: [
      ...longEnoughRing(queue, window),
      {
        command: `ps -L -o tid,stat,wchan:32,comm -p ${owner?.pid ?? 'PID'}`,
        effect: 'Shows in which kernel function its threads sleep: sending on a socket, a lock, a disk, a timer.',
        lossless: true,
        restart: false,
        by: 'host',
      },
      ...(isPaused ? [endPauses] : []),
      ...(owner?.identity?.program ? [sendsSlowly(owner.pid)] : []),
    ],
    rejected: [
      { rule: READER_CPU_BOUND, because: `it ran for only ${percent(time?.share('running') ?? 0)} of the full time` },
      ...notStalled(queue),
    ],
    confidence: 'medium',
  });
}

/** Of sleep(), usleep() and their like: who waits for packets or sockets is not in them (kernel: hrtimer_nanosleep). */
const TIMERS = /nanosleep/;

const endPauses: Remedy = {
  command: undefined,
  effect:
    'It pauses after it reads: mend or restart the program (it should wait in poll() and read all there is). A bigger ring only holds one pause.',
  lossless: false,
  restart: true,
  by: 'vmm',
};

/** Where its sockets are, which may be another namespace than the device's. */
function sendsSlowly(pid: number): Remedy {
  return {
    command: `nsenter -t ${pid} -n nstat -az UdpSndbufErrors UdpRcvbufErrors TcpExtTCPTimeouts`,
    effect: 'Of a VPN: whether the network that it sends into is the slow part.',
    lossless: true,
    restart: false,
    by: 'host',
  };
}

/** Packets then wait for as long as the reader sleeps, and none is lost. */
function longEnoughRing({ device }: QueueSpan, window: Window): readonly Remedy[] {
  const least = provenRing(device);
  if (least === undefined) return [];
  const size = withRoom(least) ?? least;
  const room = size > least ? ` (${count(size)} leaves room)` : '';
  return [
    {
      command: setLink(device, window, `txqueuelen ${size}`),
      effect: `A ring of ${count(least)} would have lost nothing in these ${duration(device.seconds)}${room}: packets wait in it until the reader goes on.`,
      lossless: true,
      restart: false,
      by: 'host',
    },
  ];
}
