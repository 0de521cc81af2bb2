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
} from '../evidence/drop-kinds.ts';
import { isMostOfFew, lossBefore, lossOf, MANAGED_SHARE, severityOf } from '../evidence/loss.ts';
import { withheldIn } from '../evidence/surroundings.ts';
import type { Diagnosis } from '../finding.ts';
import { count, loses, nameOf, percent, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import {
  type Cause,
  causesOf,
  confidenceIn,
  evidenceOf,
  isNoFault,
  lossOfAll,
  remediesOfAll,
} from '../reasons/causes.ts';
import { explain } from '../reasons/explain.ts';
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
  summary:
    'packets to the device are lost for a reason that no other rule knows; the kernel’s name for it and its cause are given',
  explanation:
    'The kernel freed packets towards the device, before tun or in it, and no other rule speaks of that: a tc filter or BPF program (TC_EGRESS), an MTU in routing (PKT_TOO_BIG), no memory (NOMEM), and more. ' +
    'docs/drop-reasons.md has for each reason what causes it and what ends it. Of one that is not there, the function that freed the packet tells where it was lost.',
  symptom: 'loss-before-tun',
  needs: ['devices', 'freed', 'before'],
  judge: (window, asked) => window.devices.flatMap((device) => unexplained(device, window, device === asked)),
};

/** What the tables of the bridge explain, as frames that it withheld, is said there. */
function isUnexplainedOf(device: DeviceSpan): (drop: OtherDrop) => boolean {
  const closed = withheldIn(device, ['closed', 'vlan-in', 'vlan-out']).map(({ from }) => from);
  return (drop) =>
    !EXPLAINED.some((explains) => explains(drop)) && (drop.device === undefined || !closed.includes(drop.device));
}

function unexplained(device: DeviceSpan, window: Window, isAsked: boolean): readonly Diagnosis[] {
  const { up, attachedQueues } = device.now;
  if (!up || attachedQueues === 0) return [];
  const before = causesOf(device, 'to', isUnexplainedOf(device)).filter((cause) => !isNoFault(cause));
  const causes = [...before, ...causesInTun(device)].toSorted((a, b) => b.loss.lost - a.loss.lost);
  const [most] = causes;
  if (!most) return [];
  const beforeTun = lossOfAll(device, 'to', before);
  const lost = causes.reduce((sum, { loss }) => sum + loss.lost, 0);
  const passed = (lossBefore(device, () => false)?.offered ?? 0) - (lost - beforeTun.lost);
  const loss = lossOf(lost, Math.max(0, passed), device.seconds);
  const isTold = severityOf(loss) !== undefined && loss.share >= MANAGED_SHARE;
  if (!isTold && !(isAsked && isMostOfFew(loss))) return [];
  return [
    onDevice(device, {
      severity: 'warning',
      explains: loss.lost,
      brief: `${loses(loss)}: ${most.row.cause}`,
      cause: `${nameOf(device)} lost ${count(loss.lost)} of ${several(loss.offered, 'packet')} on their way to its guest or reader: ${most.row.cause}.`,
      evidence: [
        ...evidenceOf(causes).slice(0, MOST_CAUSES),
        `${percent(loss.share)} of the packets, ${count(loss.perSecond)} a second`,
      ],
      remedies: remediesOfAll(causes, device, window),
      rejected: [
        {
          rule: QDISC_DROP,
          because: `${several(loss.lost, 'packet has', 'packets have')} other reasons than a qdisc’s`,
        },
      ],
      confidence: confidenceIn(most),
    }),
  ];
}

const MOST_CAUSES = 4;
/** Of tun's own drops, those that the rules of rings and filters explain. */
const OF_OTHER_RULES: readonly string[] = ['FULL_RING', 'UNTRACED', ...Object.keys(FILTERS)];

/** Drops of tun itself, for other reasons than a full ring and a filter. */
function causesInTun(device: DeviceSpan): readonly Cause[] {
  const reasonsIn = ({ counters }: Queue): readonly string[] => (counters?.dropped ?? []).map(({ reason }) => reason);
  const reasons = [...new Set(device.now.queues.flatMap(reasonsIn))].filter((one) => !OF_OTHER_RULES.includes(one));
  return reasons.flatMap((reason) => {
    const lost = grown(device, ({ queues }) => queues.reduce((sum, queue) => sum + droppedFor(queue, reason), 0)) ?? 0;
    const passed = grown(device, ({ counters }) => counters?.txPackets) ?? 0;
    const row = explain({ reason, location: IN_TUN }, device.now, 'to');
    return lost > 0
      ? [
          {
            row,
            loss: lossOf(lost, passed, device.seconds),
            names: `${reason} in tun`,
            reasons: reason,
            isOf: (drop) => drop.reason === reason && drop.location === IN_TUN,
          },
        ]
      : [];
  });
}

/** The function of tun that frees what it cannot queue. */
const IN_TUN = 'tun_net_xmit';

function droppedFor({ counters }: Queue, wanted: string): number {
  const those = (counters?.dropped ?? []).filter(({ reason }) => reason === wanted);
  return those.reduce((sum, { packets }) => sum + packets, 0);
}
