// SPDX-License-Identifier: Apache-2.0
import { FILTERS } from '../evidence/drop-kinds.ts';
import { lossOf, MEANT_SHARE, NOISE_PER_SECOND, passedBy, severityOf } from '../evidence/loss.ts';
import type { Diagnosis } from '../finding.ts';
import { count, loses, percent, queueName, readerName, several } from '../format.ts';
import { onQueue } from '../make-finding.ts';
import type { Rule } from '../rule.ts';
import { RING_FULL_BURST } from '../rule-names.ts';
import { grown, type QueueSpan } from '../window.ts';

export const filterDrop: Rule = {
  name: 'filter-drop',
  summary: 'a filter that the reading program has set refuses packets',
  explanation:
    'The program that holds the device can give it a list of MAC addresses, a classic packet filter or an eBPF program; tun drops what they refuse, in front of the ring. ' +
    'That is intended: against spoofing, floods, or broadcasts. It is a fault where the guest bridges or routes for others: it then needs promiscuous mode. It is also one where the guest changed its MAC address, or lost its multicast groups in a migration.\n\n' +
    'It is information, and a warning where a fifth of the packets or more is refused.',
  symptom: 'filtered',
  needs: ['devices', 'freed'],
  judge: ({ devices }) => devices.flatMap(({ queues }) => queues.flatMap(filtered)),
};

function filtered(queue: QueueSpan): readonly Diagnosis[] {
  const found = Object.entries(FILTERS)
    .map(([reason, what]) => ({ reason, what, lost: dropsOf(queue, reason) }))
    .sort((a, b) => b.lost - a.lost);
  const lost = found.reduce((sum, one) => sum + one.lost, 0);
  const loss = lossOf(lost, passedBy(queue), queue.device.seconds);
  const [most] = found;
  if (!most || !severityOf(loss)) return [];
  const isMuch = loss.share >= MEANT_SHARE && loss.perSecond >= NOISE_PER_SECOND;
  return [
    onQueue(queue, {
      severity: isMuch ? 'warning' : 'info',
      explains: lost,
      brief: `${loses(loss)}: ${most.what}, set by its reader, refuses them`,
      cause: `${queueName(queue)} had ${count(lost)} of ${several(loss.offered, 'packet')} refused by ${most.what}, which ${readerName(queue)} has set.`,
      evidence: [
        ...found.filter((one) => one.lost > 0).map((one) => `${several(one.lost, 'packet')} dropped as ${one.reason}`),
        `${percent(loss.share)} of the packets, ${count(loss.perSecond)} a second`,
      ],
      remedies: [
        {
          command: 'ip -d link show dev eth0',
          effect:
            'In the guest: is its MAC address the one it was given, is it promiscuous (a bridge in it needs that)?',
          lossless: true,
          restart: false,
          by: 'guest',
        },
        {
          command: undefined,
          effect:
            'If the filter is not meant: only the program that set it can take it away (libvirt: trustGuestRxFilters).',
          lossless: true,
          restart: false,
          by: 'vmm',
        },
      ],
      rejected: [{ rule: RING_FULL_BURST, because: `these ${count(lost)} were refused in front of the ring` }],
      confidence: 'high',
    }),
  ];
}

function dropsOf(queue: QueueSpan, wanted: string): number {
  return grown(queue, ({ counters }) => counters?.dropped.find(({ reason }) => reason === wanted)?.packets ?? 0) ?? 0;
}
