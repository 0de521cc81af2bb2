// SPDX-License-Identifier: Apache-2.0

import type { BacklogHolder } from '../../snapshot/device.ts';
import { delaySeverity, LATE_SECONDS, type QdiscWait, qdiscWait, type RingWait, ringWait } from '../evidence/delay.ts';
import { isQdiscDrop } from '../evidence/drop-kinds.ts';
import { fullRing } from '../evidence/full-ring.ts';
import { lossBefore, severityOf } from '../evidence/loss.ts';
import { heldBack } from '../evidence/stopped-queue.ts';
import type { Diagnosis, Severity } from '../finding.ts';
import { count, duration, nameOf, percent, readerName, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { changeQdisc, holderName, partName } from '../remedies/qdisc-remedies.ts';
import { hasten } from '../remedies/reader-remedies.ts';
import type { Rule } from '../rule.ts';
import { BUFFERBLOAT, QDISC_DROP } from '../rule-names.ts';
import type { DeviceSpan, QueueSpan, Window } from '../window.ts';

export const qdiscDelay: Rule = {
  name: 'qdisc-delay',
  summary: 'nothing needs to be lost, but packets wait long in the qdisc in front of the device',
  explanation:
    'Packets stand in the qdisc in front of the device for most of the window, and each waits behind all the others. The wait follows from the packets that stand and those that leave (Little’s law): a mean of 100 ms is a warning, of a second critical. ' +
    'A shaper (tbf, htb) whose rate is below what is offered does this with a long queue: a higher rate helps, or a leaf that keeps its queue short (fq_codel). netem delays on purpose, and fq sends packets when their sender or a rate of their flow says: both are reported as information unless someone asks about the device.\n\n' +
    'Where a full ring stops its queue (IFF_BACKPRESSURE), what would have been lost at the ring waits here: then the reader is too slow, and named. ' +
    'Packets that wait in the ring behind it are the subject of bufferbloat; packets that the qdisc drops, of qdisc-drop.',
  symptom: 'delay',
  needs: ['devices'],
  judge: (window, asked) => window.devices.flatMap((device) => delaying(device, window, device === asked)),
};

function delaying(device: DeviceSpan, window: Window, isAsked: boolean): readonly Diagnosis[] {
  const wait = qdiscWait(device);
  const { backlog } = device.now;
  if (!wait || wait.seconds < LATE_SECONDS || !backlog?.holder) return [];
  const stopped = heldBack(device);
  const slow = stopped?.queue;
  const { holder } = backlog;
  const ring = slow ? ringWait(slow) : longest(device);
  return [
    onDevice(device, {
      severity: severityFor(device, wait, holder, slow, isAsked),
      cause: slow ? ofReader(device, wait, ring, slow) : ofQdisc(device, wait, holder),
      evidence: [
        `${several(backlog.packets, 'packet')} (${count(backlog.bytes / 1000)} kB) in its qdisc now, ${count(wait.standing)} on average`,
        `${perSecond(wait)} leave it: by Little’s law each waits there for ${wait.perSecond > 0 ? duration(wait.seconds) : `${duration(wait.seconds)} or longer`}`,
        `${count(holder.packets)} of them in ${partName(holder)}`,
        ring &&
          `in its ring: ${count(ring.standing)} on average, ${duration(ring.seconds)} each (${ring.isMeasured ? 'measured' : 'by Little’s law'})`,
        stopped &&
          `stopped by its full ring for ${percent(stopped.share)} of the time; reader: ${readerName(stopped.queue)}`,
      ],
      remedies: slow ? hasten(slow, window) : changeQdisc(device, window, holder),
      rejected: rivals(device, slow, ring),
      confidence: slow || RATED.includes(holder.kind) || RATED.includes(device.now.qdisc ?? '') ? 'high' : 'medium',
    }),
  ];
}

/** They hold packets because they were told when these are to leave. */
const ON_PURPOSE: readonly string[] = ['netem', 'fq'];

/** Qdiscs that hold packets although the device would take them. */
const RATED: readonly string[] = ['tbf', 'htb', 'hfsc', 'cbq', 'cake', 'cake_mq', 'netem', 'fq', 'etf', 'taprio'];

function severityFor(
  device: DeviceSpan,
  { seconds }: QdiscWait,
  { kind }: BacklogHolder,
  slow: QueueSpan | undefined,
  isAsked: boolean,
): Severity {
  // The reader's own finding is the answer; this one shows the other half of it.
  if (slow && fullRing(slow)) return 'info';
  if (!slow && ON_PURPOSE.includes(kind)) return isAsked ? 'warning' : 'info';
  const loss = lossBefore(device, isQdiscDrop);
  const severity = delaySeverity(seconds);
  // Its loss is the finding of qdisc-drop, and has the same cause.
  return loss && severityOf(loss) ? (severity === 'critical' ? 'warning' : 'info') : severity;
}

function ofReader(device: DeviceSpan, wait: QdiscWait, ring: RingWait | undefined, slow: QueueSpan): string {
  const all = wait.seconds + (ring?.seconds ?? 0);
  return `${nameOf(device)} delays each packet by about ${duration(all)}: its full ring stops it, and ${count(wait.standing)} more stand in its qdisc, for its reader, ${readerName(slow)}, is too slow.`;
}

function ofQdisc(device: DeviceSpan, wait: QdiscWait, holder: BacklogHolder): string {
  const part = holderName(holder);
  const name = nameOf(device);
  const standing = `${several(wait.standing, 'packet stands', 'packets stand')} in its qdisc`;
  if (wait.perSecond === 0)
    return `${name} is not sent what waits for it: ${standing} ${part}, and none has left it for ${duration(wait.seconds)}.`;
  if (holder.kind === 'netem')
    return `${name} delays each packet by about ${duration(wait.seconds)}: its qdisc ${part} is there to delay them.`;
  if (holder.kind === 'fq')
    return `${name} delays each packet by about ${duration(wait.seconds)}: its qdisc ${part} sends each when its sender (SO_TXTIME, pacing) or a rate of its flow says.`;
  return `${name} delays each packet by about ${duration(wait.seconds)}: ${standing} ${part}, which lets ${perSecond(wait)} pass.`;
}

/** Below ten a second with a digit: a queue that lets one packet pass in three seconds is no queue that lets none. */
function perSecond({ perSecond: rate }: QdiscWait): string {
  return `${rate > 0 && rate < 10 ? rate.toFixed(1) : count(rate)} a second`;
}

function longest(device: DeviceSpan): RingWait | undefined {
  const [most] = device.queues.flatMap((queue) => ringWait(queue) ?? []).sort((a, b) => b.seconds - a.seconds);
  return most;
}

function rivals(device: DeviceSpan, slow: QueueSpan | undefined, ring: RingWait | undefined): Diagnosis['rejected'] {
  const loss = lossBefore(device, isQdiscDrop);
  return [
    ...(!slow && ring
      ? [{ rule: BUFFERBLOAT, because: `packets wait in its ring for ${duration(ring.seconds)} only` }]
      : []),
    ...(loss?.lost === 0 ? [{ rule: QDISC_DROP, because: 'its qdisc dropped no packet' }] : []),
  ];
}
