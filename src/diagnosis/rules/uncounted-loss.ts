// SPDX-License-Identifier: Apache-2.0

import { type FullRing, fullRings } from '../evidence/full-ring.ts';
import { type Loss, lossIn, lossOf, severityOf } from '../evidence/loss.ts';
import type { Diagnosis, Remedy } from '../finding.ts';
import { count, loses, nameOf, percent, readerName, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { memoryFault } from '../reasons/drop-row.ts';
import { inNamespaceOf } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { RING_FULL_BURST } from '../rule-names.ts';
import { type DeviceSpan, grown, type Window } from '../window.ts';

interface Cause {
  /** The cause as the snapshot names it (src/subjects/freed.ts). */
  readonly cause: string;
  readonly why: string;
  readonly remedy: Pick<Remedy, 'command' | 'effect' | 'by' | 'restart' | 'lossless'>;
}

const CAUSES: readonly Cause[] = [
  {
    cause: 'failed',
    why: 'the buffer that they were to be read into could not be written',
    remedy: {
      command: undefined,
      effect: memoryFault('reading program'),
      by: 'vmm',
      restart: true,
      lossless: false,
    },
  },
  {
    cause: 'stopped_queue',
    why: 'a program sent them past the qdisc into a queue that was stopped',
    remedy: {
      command: 'ss --packet --processes --numeric',
      effect:
        'Lists packet sockets and their programs: one uses PACKET_QDISC_BYPASS; without it the qdisc keeps the packets.',
      by: 'host',
      restart: false,
      lossless: true,
    },
  },
  {
    cause: 'overflowed',
    why: 'vhost-net gave them back to a ring that was full, as it does when a guest’s network is stopped',
    remedy: {
      command: undefined,
      effect:
        'Once is normal when a VM or its driver stops. Again and again: see in the guest’s log why its driver restarts.',
      by: 'guest',
      restart: false,
      lossless: true,
    },
  },
];

export const uncountedLoss: Rule = {
  name: 'uncounted-loss',
  summary: 'packets are lost where neither the kernel’s counters nor tc show it',
  explanation:
    'Three losses towards the guest or reader are in no counter of the kernel’s: packets that were read into a buffer that cannot be written; packets that were sent past the qdisc into a stopped queue; packets that vhost-net gives back to a full ring. ' +
    'Guest, sender and ip -s link see none of them. Packets that a closed queue or a smaller txqueuelen discards are self-inflicted; frames with a bad header are writer-refused; redirected frames are xdp-overflow.',
  symptom: 'thrown-out',
  needs: ['devices', 'freed'],
  judge: (window) =>
    window.devices.flatMap((device) => CAUSES.flatMap((cause) => uncounted(device, cause, window)).slice(0, 1)),
};

function uncounted(device: DeviceSpan, { cause, why, remedy }: Cause, window: Window): readonly Diagnosis[] {
  const loss = lossIn(device, (part) => uncountedIn(part, cause));
  const { lost } = loss;
  const severity = severityOf(loss);
  if (!severity) return [];
  const [queue] = device.queues;
  const refused =
    cause === 'failed' ? sumOf(fullRings(window, 'failing').filter((ring) => ring.queue.device === device)) : 0;
  return [
    onDevice(device, {
      severity: cause === 'overflowed' ? 'info' : severity,
      explains: lost,
      brief: `${loses(loss)}: ${why}`,
      cause: `${nameOf(device)} lost ${count(lost)} of ${several(loss.offered, 'packet')} that no counter of the kernel shows: ${why}.`,
      evidence: [
        `${several(lost, 'packet')} counted as ${cause}, ${percent(loss.share)} of those towards the guest or reader`,
        refused > 0 ? `${count(refused)} more were refused by the ring that these reads left full` : undefined,
        queue && `held by ${readerName(queue)}`,
      ],
      remedies: [{ ...remedy, command: remedy.command && inNamespaceOf(device, window, remedy.command) }],
      rejected: [
        { rule: RING_FULL_BURST, because: `these ${count(lost)} were not refused by a full ring on their way in` },
      ],
      confidence: 'high',
    }),
  ];
}

function uncountedIn(device: DeviceSpan, cause: string): Loss {
  const lost = grown(device, (seen) => seen.uncounted.find((one) => one.cause === cause)?.packets) ?? 0;
  return lossOf(lost, grown(device, ({ counters }) => counters?.txPackets) ?? 0, device.seconds);
}

function sumOf(rings: readonly FullRing[]): number {
  return rings.reduce((sum, { loss }) => sum + loss.lost, 0);
}
