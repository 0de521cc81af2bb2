// SPDX-License-Identifier: Apache-2.0
import { inNamespaceOf, quoted } from './command.ts';
import { isManagedDrop, isQdiscDrop, reasonsOf } from './drop-kinds.ts';
import type { Finding, Remedy } from './finding.ts';
import { lossBefore, MANAGED_SHARE, severityOf } from './loss.ts';
import { onDevice } from './on.ts';
import type { Rule } from './rule.ts';
import { type DeviceSpan, grown, type Window } from './window.ts';
import { count, nameOf, percent } from './words.ts';

export const qdiscDrop: Rule = {
  name: 'qdisc-drop',
  summary: 'the qdisc in front of the device drops packets: its rate or its limit is too small, or a shaper is meant',
  explanation:
    'A qdisc drops before tun, so neither the ring nor the guest is to blame, and the kernel’s tx_dropped of the device does not show it; tc -s qdisc does. ' +
    'A shaper (tbf, htb, cake with a bandwidth) that is meant does this on purpose, and a queue management that works (codel, fq_codel) drops up to a packet in fifty to keep delay short: that is healthy, and not told of.\n\n' +
    'Where a device stops instead of dropping (IFF_BACKPRESSURE), the loss of a slow reader appears here: then look at the reader.',
  speaksOf: 'loss-before-tun',
  needs: ['devices', 'before'],
  judge: (window) => window.devices.flatMap((device) => dropping(device, window)),
};

function dropping(device: DeviceSpan, window: Window): readonly Finding[] {
  const { qdisc, attachedQueues, carrier } = device.now;
  const loss = lossBefore(device, isQdiscDrop);
  if (!loss || attachedQueues === 0 || !carrier || !severityOf(loss)) return [];
  const managed = lossBefore(device, isManagedDrop)?.lost ?? 0;
  const isMuch = loss.share >= MANAGED_SHARE;
  // Old kernels call all of it QDISC_DROP: only above what a queue management may do it is told.
  const overlimit = lossBefore(device, ({ reason }) => /OVERLIMIT|_LIMIT$/.test(reason))?.lost ?? 0;
  if (!isMuch && (managed > 0 || overlimit === 0)) return [];
  const stopped = stoppedShare(device);
  const slow =
    stopped > 0.5 ? ` Its queue was stopped for ${percent(stopped)} of the time: its reader is too slow.` : '';
  return [
    onDevice(device, {
      rule: 'qdisc-drop',
      severity: isMuch ? 'warning' : 'info',
      cause: `${nameOf(device)} lost ${count(loss.lost)} of ${count(loss.offered)} packets in its qdisc${qdisc ? ` ${qdisc}` : ''}, before they reached it: neither ring nor guest is to blame.${slow}`,
      evidence: [
        `${percent(loss.share)} of the packets, ${count(loss.perSecond)} a second`,
        `kernel’s reasons: ${reasonsOf(device, isQdiscDrop)}`,
        stopped > 0 ? `stopped by a full ring for ${percent(stopped)} of the time` : undefined,
      ],
      remedies: remedies(device, window),
      rejected: [{ rule: 'ring-full-burst', because: 'these packets were freed before tun saw them' }],
      confidence: stopped > 0.5 ? 'medium' : 'high',
    }),
  ];
}

/** Of all queues the one that is stopped most. */
function stoppedShare(device: DeviceSpan): number {
  const seconds = device.queues.map((queue) => grown(queue, ({ flow }) => flow?.stoppedSeconds) ?? 0);
  return Math.min(1, Math.max(0, ...seconds) / device.seconds);
}

function remedies(device: DeviceSpan, window: Window): readonly Remedy[] {
  const name = quoted(device.now.name);
  return [
    {
      command: inNamespaceOf(device, window, `tc -s qdisc show dev ${name}`),
      effect:
        'Shows rate and limit, and which qdisc of several drops. Too small: tc qdisc change with a higher rate or limit.',
      lossless: true,
      restart: false,
      by: 'host',
    },
    {
      command: inNamespaceOf(device, window, `tc qdisc delete dev ${name} root`),
      effect: 'Only if no shaper is meant: the device gets the default qdisc; what waits in the present one is lost.',
      lossless: false,
      restart: false,
      by: 'host',
    },
  ];
}
