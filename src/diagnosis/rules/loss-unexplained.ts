// SPDX-License-Identifier: Apache-2.0

import type { OtherDrop } from '../../snapshot/device.ts';
import type { Queue } from '../../snapshot/queue.ts';
import {
  FILTERS,
  isBridgeDrop,
  isFirewallDrop,
  isHorizonDrop,
  isNeighbourDrop,
  isPastQdisc,
  isQdiscDrop,
  isQdiscReset,
  reasonsOf,
} from '../evidence/drop-kinds.ts';
import { lossBefore, lossOf, MANAGED_SHARE, ringDrops, severityOf } from '../evidence/loss.ts';
import type { Diagnosis } from '../finding.ts';
import { count, nameOf, percent } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { inNamespaceOf, quoted } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { QDISC_DROP } from '../rule-names.ts';
import { type DeviceSpan, grown, type Window } from '../window.ts';

const EXPLAINED: readonly ((drop: OtherDrop) => boolean)[] = [
  isBridgeDrop,
  isFirewallDrop,
  isHorizonDrop,
  isNeighbourDrop,
  isQdiscDrop,
  isQdiscReset,
  isPastQdisc,
];

export const lossUnexplained: Rule = {
  name: 'loss-unexplained',
  summary: 'packets are lost for a reason that no other rule knows; the kernel’s name for it is given',
  explanation:
    'The kernel freed packets towards the device, before tun or in it. No other rule knows the reason or the function: a tc filter or BPF program (TC_EGRESS), no memory (NOMEM), and more. ' +
    'The names are those of enum skb_drop_reason; the kernel’s header include/net/dropreason-core.h has a sentence on each.',
  symptom: 'loss-before-tun',
  needs: ['devices', 'freed', 'before'],
  judge: (window) => window.devices.flatMap((device) => unexplained(device, window)),
};

function isUnexplained(drop: OtherDrop): boolean {
  return !EXPLAINED.some((explains) => explains(drop));
}

function unexplained(device: DeviceSpan, window: Window): readonly Diagnosis[] {
  const { up, attachedQueues } = device.now;
  if (!up || attachedQueues === 0) return [];
  const before = lossBefore(device, isUnexplained);
  const inTun = grown(device, ({ queues }) => queues.reduce((sum, queue) => sum + otherDrops(queue), 0)) ?? 0;
  const loss = lossOf((before?.lost ?? 0) + inTun, before ? before.offered - before.lost - inTun : 0, device.seconds);
  if (!severityOf(loss) || loss.share < MANAGED_SHARE) return [];
  return [
    onDevice(device, {
      severity: 'warning',
      cause: `${nameOf(device)} lost ${count(loss.lost)} of ${count(loss.offered)} packets on their way to its guest or reader, for reasons that only the kernel’s names tell.`,
      evidence: [
        before && before.lost > 0 ? `before tun: ${reasonsOf(device, isUnexplained)}`.slice(0, 100) : undefined,
        inTun > 0 ? `in tun: ${namesOf(device)}`.slice(0, 100) : undefined,
        `${percent(loss.share)} of the packets, ${count(loss.perSecond)} a second`,
      ],
      remedies: [
        {
          command: inNamespaceOf(device, window, `tc -s filter show dev ${quoted(device.now.name)} egress`),
          effect:
            'Filters and BPF programs in front of the device; ip -s -s link shows the rest that the kernel counts.',
          lossless: true,
          restart: false,
          by: 'host',
        },
      ],
      rejected: [{ rule: QDISC_DROP, because: `${count(loss.lost)} packets have other reasons than a qdisc’s` }],
      confidence: 'low',
    }),
  ];
}

/** Drops of tun itself, for other reasons than a full ring and a filter. */
function otherDrops(queue: Queue): number {
  const all = (queue.counters?.dropped ?? []).filter(({ reason }) => !(reason in FILTERS));
  return all.reduce((sum, { packets }) => sum + packets, 0) - ringDrops(queue);
}

function namesOf({ now }: DeviceSpan): string {
  const others = now.queues.flatMap(({ counters }) => counters?.dropped ?? []);
  const names = others.filter(({ reason, packets }) => packets > 0 && !(reason in FILTERS)).map(({ reason }) => reason);
  return [...new Set(names)].filter((name) => name !== 'FULL_RING' && name !== 'UNTRACED').join(', ');
}
