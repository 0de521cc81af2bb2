// SPDX-License-Identifier: Apache-2.0

import { tapscope } from '../../own-command.ts';
import { type FullRing, fullRings } from '../evidence/full-ring.ts';
import { fullTimeEvidence } from '../evidence/full-time.ts';
import { gravityOf, type Loss, lossIn, lossOf, severityOf } from '../evidence/loss.ts';
import { showsStalls } from '../evidence/stall.ts';
import type { Diagnosis, Remedy } from '../finding.ts';
import { count, loses, nameOf, namespaceIn, percent, queueName, several } from '../format.ts';
import { onDevice, onQueue } from '../make-finding.ts';
import { operand, quoted } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { type DeviceSpan, grown, type Window } from '../window.ts';

export const ringFullUnexplained: Rule = {
  name: 'ring-full-unexplained',
  summary: 'packets are lost at a full ring, and what the reader did meanwhile is not known',
  explanation:
    'The loss is counted, its cause is not known. Readers are not sampled on this host; or they did too many things at once for one of them to be the cause; or the ring was never seen full between two drops. The agent does not sample readers of macvtap and ipvtap.\n\n' +
    'A full ring has four causes, each with another remedy: bursts, a reader that is too slow, one that gets no CPU, and one that does not read. So watch longer before you try a longer ring.',
  symptom: 'ring-loss',
  needs: ['devices', 'freed'],
  judge: (window) => [
    ...fullRings(window, 'unknown').map((seen) => ofQueue(seen, window)),
    ...window.devices.flatMap((device) => ofMacvtap(device, window)),
  ],
};

function ofQueue({ queue, loss, time, episodes }: FullRing, window: Window): Diagnosis {
  const { agent } = window;
  const isLooking = agent.probes.some(({ event, attached }) => event === 'readers' && attached);
  const why = !isLooking
    ? 'readers are not sampled here'
    : (time?.seconds ?? 0) > 0
      ? showsStalls(queue)
        ? 'its reader did several things in that time'
        : 'it is not known whether packets were taken meanwhile'
      : 'its reader was never looked at while the ring was full';
  return onQueue(queue, {
    severity: gravityOf(loss),
    brief: `${loses(loss)}: its ring is full, and why cannot be told`,
    cause: `${queueName(queue)} lost ${count(loss.lost)} of ${several(loss.offered, 'packet')} because its ring of ${count(queue.now.ring?.capacity ?? 0)} was full; why it was full cannot be told: ${why}.`,
    evidence: [
      `${percent(loss.share)} of the packets were lost, ${count(loss.perSecond)} a second`,
      fullTimeEvidence(time),
      episodes === undefined
        ? 'at this level it is not measured whether the ring is empty again after an overflow'
        : undefined,
      agent.level === 'lean' ? 'the agent passed its budget and counts less (lean)' : undefined,
    ],
    remedies: lookCloser(queue.device, window, queue.now.owner?.pid, isLooking),
    rejected: [],
    confidence: 'low',
  });
}

function ofMacvtap(device: DeviceSpan, window: Window): readonly Diagnosis[] {
  const loss = lossIn(device, macvtapLoss);
  const severity = severityOf(loss);
  if (!severity) return [];
  return [
    onDevice(device, {
      severity,
      brief: `${loses(loss)}: its ring is full, and why cannot be told`,
      cause: `${nameOf(device)} lost ${count(loss.lost)} of ${several(loss.offered, 'packet')} because its ring was full; readers of a ${device.now.kind} are not looked at, so why cannot be told.`,
      evidence: [`${percent(loss.share)} of the packets were lost, ${count(loss.perSecond)} a second`],
      remedies: lookCloser(device, window, undefined, true),
      rejected: [],
      confidence: 'low',
    }),
  ];
}

/** 0 of 0 where nothing counts it. */
function macvtapLoss(device: DeviceSpan): Loss {
  const lost = grown(device, ({ macvtap }) =>
    macvtap?.dropped.reduce((sum, { reason, packets }) => (reason === 'FULL_RING' ? sum + packets : sum), 0),
  );
  const offered = grown(device, ({ macvtap }) => macvtap?.offered);
  return lost === undefined || offered === undefined
    ? lossOf(0, 0, device.seconds)
    : lossOf(lost, Math.max(0, offered - lost), device.seconds);
}

function lookCloser(
  device: DeviceSpan,
  { agent }: Window,
  pid: number | undefined,
  isLooking: boolean,
): readonly Remedy[] {
  const look = { lossless: true, restart: false, by: 'host' } as const;
  const { netns, name } = device.now;
  const place = netns === agent.netns ? '' : ` --netns ${quoted(namespaceIn(netns, agent))}`;
  return [
    isLooking
      ? {
          ...look,
          command: tapscope(`diagnose${place} --for 60s ${operand(name)}`),
          effect: 'Looks for longer.',
        }
      : { ...look, command: tapscope('doctor'), effect: 'Says what keeps readers from being looked at.' },
    ...(pid === undefined
      ? []
      : [
          {
            ...look,
            command: `ps -L -o tid,stat,psr,pcpu,wchan:24,comm -p ${pid}`,
            effect: 'What its threads do now.',
          },
        ]),
  ];
}
