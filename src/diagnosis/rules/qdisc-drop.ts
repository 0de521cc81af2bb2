// SPDX-License-Identifier: Apache-2.0

import { isManagedDrop, isQdiscDrop, reasonsOf } from '../evidence/drop-kinds.ts';
import { fullTime, fullTimeEvidence } from '../evidence/full-time.ts';
import { lossBefore, MANAGED_SHARE, severityOf } from '../evidence/loss.ts';
import { mostStopped } from '../evidence/stopped-queue.ts';
import type { Diagnosis, Remedy } from '../finding.ts';
import { count, loses, nameOf, percent, readerInShort, readerName, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { causesOf } from '../reasons/causes.ts';
import type { DropRow } from '../reasons/drop-row.ts';
import { remediesOf } from '../reasons/explain.ts';
import { hostCommand, inNamespaceOf, quoted } from '../remedies/command.ts';
import { partName } from '../remedies/qdisc-remedies.ts';
import { hasten } from '../remedies/reader-remedies.ts';
import type { Rule } from '../rule.ts';
import { RING_FULL_BURST } from '../rule-names.ts';
import type { DeviceSpan, Window } from '../window.ts';

export const qdiscDrop: Rule = {
  name: 'qdisc-drop',
  summary:
    'the qdisc in front of the device drops packets: its rate or its limit is too small, or a shaper is intended',
  explanation:
    'A qdisc drops before tun: neither the ring nor the guest is to blame. The kernel’s tx_dropped of the device does not show it; tc -s qdisc does. ' +
    'A shaper (tbf, htb, cake with a bandwidth) does this on purpose. Queue management (codel, fq_codel) drops up to a packet in fifty to keep delay short: that is healthy, and not reported.\n\n' +
    'Where a device stops instead of dropping (IFF_BACKPRESSURE), the loss of a slow reader appears here: where the queue was stopped for most of the time, the reader is named.',
  symptom: 'loss-before-tun',
  needs: ['devices', 'before'],
  judge: (window) => window.devices.flatMap((device) => dropping(device, window)),
};

function dropping(device: DeviceSpan, window: Window): readonly Diagnosis[] {
  const { qdisc, attachedQueues, carrier } = device.now;
  const loss = lossBefore(device, isQdiscDrop);
  if (!loss || attachedQueues === 0 || !carrier || !severityOf(loss)) return [];
  const managed = lossBefore(device, isManagedDrop)?.lost ?? 0;
  const isMuch = loss.share >= MANAGED_SHARE;
  // Old kernels call all of it QDISC_DROP: only above what a queue management may do it is told.
  const overlimit = lossBefore(device, ({ reason }) => /OVERLIMIT|_LIMIT$/.test(reason))?.lost ?? 0;
  if (!isMuch && (managed > 0 || overlimit === 0)) return [];
  const held = mostStopped(device);
  const stopped = held?.share ?? 0;
  const slow = stopped > 0.5 ? held?.queue : undefined;
  const most = causesOf(device, 'to', isQdiscDrop)[0]?.row;
  const why = slow
    ? `because its full ring stopped it for ${percent(stopped)} of the time: its reader, ${readerName(slow)}, is too slow`
    : 'before they reached it: neither ring nor guest is to blame';
  return [
    onDevice(device, {
      severity: isMuch ? 'warning' : 'info',
      explains: loss.lost,
      brief: `${loses(loss)}, in its qdisc${qdisc ? ` ${qdisc}` : ''}: ${slow ? `${readerInShort(slow)} is too slow` : 'more comes than it lets pass'}`,
      cause: `${nameOf(device)} lost ${count(loss.lost)} of ${several(loss.offered, 'packet')} in its qdisc${qdisc ? ` ${qdisc}` : ''}, ${why}.`,
      evidence: [
        `${percent(loss.share)} of the packets, ${count(loss.perSecond)} a second`,
        `kernel’s reasons: ${reasonsOf(device, isQdiscDrop)}`,
        most && `mostly: ${most.cause}`,
        slow ? undefined : standing(device),
        stopped > 0 ? `stopped by a full ring for ${percent(stopped)} of the time` : undefined,
        slow && fullTimeEvidence(fullTime(slow)),
      ],
      remedies: slow
        ? [...hasten(slow, window), show(device, window)]
        : [show(device, window), ...ofCause(most, device, window), noShaper(device, window)],
      rejected: [{ rule: RING_FULL_BURST, because: 'these packets were freed before tun saw them' }],
      confidence: slow ? 'medium' : 'high',
    }),
  ];
}

/** 'now 261 packets (390 kB) wait in tbf 8001:': how long the queue is that is full; undefined: none waits, or that cannot be read. */
function standing({ now: { backlog } }: DeviceSpan): string | undefined {
  if (!backlog?.holder) return undefined;
  const { holder, packets, bytes } = backlog;
  const waiting = `now ${several(packets, 'packet')} (${count(bytes / 1000)} kB) ${packets === 1 ? 'waits' : 'wait'}`;
  const most = holder.packets < packets ? `; most of them, ${count(holder.packets)},` : '';
  return `${waiting}${most} in ${partName(holder)}`;
}

function show(device: DeviceSpan, window: Window): Remedy {
  return hostCommand(
    device,
    window,
    `tc -s qdisc show dev ${quoted(device.now.name)}`,
    'Shows rate and limit, and which qdisc of several drops. Too small: tc qdisc change with a higher rate or limit.',
  );
}

/** What ends this cause alone; all show the qdiscs first. */
function ofCause(row: DropRow | undefined, device: DeviceSpan, window: Window): readonly Remedy[] {
  return row ? remediesOf(row, device, window).slice(1) : [];
}

function noShaper(device: DeviceSpan, window: Window): Remedy {
  return {
    command: inNamespaceOf(device, window, `tc qdisc delete dev ${quoted(device.now.name)} root`),
    effect:
      'Only if no shaper is meant: the device gets the default qdisc; what waits is lost. “Handle of zero”: it has the default already.',
    lossless: false,
    restart: false,
    by: 'host',
  };
}
