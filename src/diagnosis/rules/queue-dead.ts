// SPDX-License-Identifier: Apache-2.0

import type { Owner } from '../../snapshot/owner.ts';
import { type FullRing, fullRings, isGuest } from '../evidence/full-ring.ts';
import { fullTimeEvidence } from '../evidence/full-time.ts';
import { delivered } from '../evidence/loss.ts';
import { siblingsTook, stallSeverity } from '../evidence/stall.ts';
import type { Diagnosis, Remedy } from '../finding.ts';
import { count, duration, loses, queueName, readerInShort, readerName, several } from '../format.ts';
import { onQueue } from '../make-finding.ts';
import { lookAtReader } from '../remedies/reader-remedies.ts';
import type { Rule } from '../rule.ts';
import { READER_STALLED } from '../rule-names.ts';
import type { QueueSpan } from '../window.ts';

export const queueDead: Rule = {
  name: 'queue-dead',
  summary: 'one queue of several is not served, while the others are',
  explanation:
    'The device has several queues, packets are taken from some, and one is full and gives its reader nothing. So the guest or program as a whole is alive: it uses fewer queues than it attached, or the worker of this one is gone or hangs; or another process than theirs holds it, that got the descriptor at fork or exec and does not read. ' +
    'Every flow that is steered there is lost, the others are fine, which looks like a network that forgets some connections.\n\n' +
    'A queue that is not served and gets no packets loses nothing and is not reported.',
  symptom: 'ring-loss',
  needs: ['devices', 'freed'],
  judge: (window) =>
    fullRings(window, 'stalled')
      .map((seen) => ({ seen, others: siblingsTook(seen) }))
      .filter(({ others }) => others.some((packets) => packets > 0))
      .map(({ seen, others }) => dead(seen, others)),
};

/** The process that has the queue is another than those that have the queues that flow. */
interface Stray {
  /** 'sleep (16371), a child of python3 (16297),' */
  readonly name: string;
  readonly pid: number;
  /** Of the queues that flow. */
  readonly of: Owner;
  /** Another program: it was started with the descriptor open. Else it may be a worker that hangs. */
  readonly isLeaked: boolean;
}

/** A VM's queues are opened by one process and given to another: who has one is meant to. */
function strayOf(queue: QueueSpan): Stray | undefined {
  const { owner } = queue.now;
  const others = queue.device.queues.filter((one) => one !== queue && (delivered(one) ?? 0) > 0);
  const owners = others.map(({ now }) => now.owner);
  const [first] = owners;
  if (!owner || !first || isGuest(queue) || owners.some((one) => !one || one.pid === owner.pid)) return undefined;
  const parent = owners.find((one) => one?.pid === owner.uses?.parent);
  const child = parent ? `, a child of ${parent.comm} (${parent.pid}),` : '';
  const of = parent ?? first;
  return { name: `${owner.comm} (${owner.pid})${child}`, pid: owner.pid, of, isLeaked: owner.comm !== of.comm };
}

function dead(seen: FullRing, others: readonly number[]): Diagnosis {
  const { queue, loss, stall, time } = seen;
  const { now } = queue;
  const flowing = others.filter((packets) => packets > 0);
  const stray = strayOf(queue);
  const flow =
    others.length === 1
      ? 'its other queue flows'
      : `${flowing.length} of its ${others.length} other queues ${flowing.length === 1 ? 'flows' : 'flow'}`;
  const given = `${flowing.length === 1 ? 'the other queue that flows' : 'the other queues'} gave`;
  const why = stray
    ? `${stray.name} holds it and does not read it: a descriptor leaked at fork or exec${stray.isLeaked ? '' : ', or a worker that hangs'}`
    : `it was not served for ${duration(stall.seconds)}, while ${flow}`;
  return onQueue(queue, {
    severity: stallSeverity(seen),
    brief: `${loses(loss)}: ${stray ? `its holder ${now.owner?.comm} (${stray.pid}) does not read it` : `${readerInShort(queue)} does not serve this queue`}`,
    cause: `${queueName(queue)} lost ${count(loss.lost)} of ${several(loss.offered, 'packet')}: ${why}.`,
    evidence: [
      `nothing was taken for ${duration(stall.seconds)}, ${several(now.ring?.occupancy ?? 0, 'packet waits', 'packets wait')}`,
      `${given} ${several(
        flowing.reduce((sum, packets) => sum + packets, 0),
        'packet',
      )} in the later half of that time`,
      stray ? undefined : fullTimeEvidence(time),
      stray
        ? `held by ${now.owner?.comm} (pid ${stray.pid}), what flows by ${stray.of.comm} (pid ${stray.of.pid})`
        : `its reader: ${readerName(queue)}`,
    ],
    remedies: stray ? endStray(stray) : serveQueue(queue),
    rejected: [
      {
        rule: READER_STALLED,
        because: `${several(flowing.length, 'other queue of it flows', 'other queues of it flow')}: not all of it has stopped`,
      },
    ],
    confidence: stray && !stray.isLeaked ? 'medium' : 'high',
  });
}

function endStray({ pid, of, isLeaked }: Stray): readonly Remedy[] {
  return [
    {
      command: `ls -l /proc/${pid}/fd`,
      effect: 'Shows what it has open: /dev/net/tun is there, which it was not meant to have if it is another program.',
      lossless: true,
      restart: false,
      by: 'host',
    },
    {
      command: `kill ${pid}`,
      effect: `${isLeaked ? 'If it is not needed: ends it' : 'If it is no worker that is needed: ends it'}, and its queue with it, so that its flows go to the others. What waits in it is lost.`,
      lossless: false,
      restart: false,
      by: 'host',
    },
    {
      command: undefined,
      effect: `Who writes ${of.comm}: open /dev/net/tun with O_CLOEXEC, and close it in children that do not read.`,
      lossless: false,
      restart: true,
      by: 'vmm',
    },
  ];
}

/** Of a tap whose program is not known it may be a VM. */
function serveQueue(queue: QueueSpan): readonly Remedy[] {
  const { attachedQueues, kind } = queue.device.now;
  const mayBeGuest = isGuest(queue) || (kind === 'tap' && !queue.now.owner?.identity?.program);
  const inGuest: Remedy = {
    command: 'ethtool -l eth0',
    effect: `In the guest: fewer combined channels than ${attachedQueues} leave queues unserved; -L eth0 combined ${attachedQueues} uses all.`,
    lossless: true,
    restart: false,
    by: 'guest',
  };
  return [
    ...(mayBeGuest ? [inGuest] : lookAtReader(queue)),
    {
      command: undefined,
      effect: `Give the ${isGuest(queue) ? 'VM' : mayBeGuest ? 'VM or program' : 'program'} only as many queues as it serves, or restart it if a thread of it has hung.`,
      lossless: false,
      restart: true,
      by: 'host',
    },
  ];
}
