// SPDX-License-Identifier: Apache-2.0

import { delaySeverity, LATE_SECONDS } from '../evidence/delay.ts';
import { type BeyondWait, beyondWaits, inwardWaits, type OnwardWait, onwardWaits } from '../evidence/onward.ts';
import type { Diagnosis } from '../finding.ts';
import { count, duration, nameOf, namespaceIn, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { hostCommand, inNamespace, inNamespaceOf, quoted } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { QDISC_DROP } from '../rule-names.ts';
import type { DeviceSpan, Window } from '../window.ts';

export const onwardDelay: Rule = {
  name: 'onward-delay',
  summary: 'what the guest or program sends waits long in front of the device by which the host sends it on',
  explanation:
    'The host passes on what comes from the device, and packets stand in the qdisc of the next one: a shaper of the uplink, or of an IFB that polices uploads. Nothing needs to be lost there. The wait follows from the packets that stand and those that leave (Little’s law): a mean of 100 ms is a warning, of a second critical. Others may fill that queue too.\n\n' +
    'While a person asks, tapscope counts by which devices the packets leave and reads the qdiscs of these and of the devices below them (the uplink under a VLAN, bond or VXLAN). Where a bridge sends a copy by each port, the slowest port is named. Packets that the same qdisc drops are in host-refuses. Behind a veth or in a tunnel, also in another namespace, each packet of the device is timed from the hand-over to the qdisc until it leaves it. The same is said of what comes to the device: in front of its bridge, by which the host itself sends, or in an IFB that shapes what comes by an uplink. What waits in front of the device itself is the subject of qdisc-delay.\n\n' +
    'Reported only for a device that is asked about.',
  symptom: 'delay',
  needs: ['devices'],
  judge: (window, asked) => window.devices.flatMap((device) => (device === asked ? delayed(device, window) : [])),
};

function delayed(device: DeviceSpan, window: Window): readonly Diagnosis[] {
  const [onward] = onwardWaits(device);
  const [inward] = inwardWaits(device);
  const [beyond] = beyondWaits(device);
  const isOnward = (onward?.seconds ?? 0) >= (inward?.seconds ?? 0);
  const wait = isOnward ? onward : inward;
  if (beyond && beyond.seconds >= Math.max(LATE_SECONDS, wait?.seconds ?? 0))
    return [delayedBeyond(beyond, device, window)];
  if (!wait || wait.seconds < LATE_SECONDS) return [];
  const { backlog, standing, own } = wait;
  return [
    onDevice(device, {
      severity: delaySeverity(wait.seconds),
      brief: `${isOnward ? 'sends' : 'gets'} what waits ${duration(wait.seconds)} in the qdisc of ${backlog.device}`,
      cause: isOnward
        ? `${nameOf(device)}: what its guest or writer sends waits about ${duration(wait.seconds)} in the qdisc ${backlog.kind} of ${backlog.device}, by which the host sends it on.`
        : `${nameOf(device)}: what comes to it by ${backlog.device} waits about ${duration(wait.seconds)} in the qdisc ${backlog.kind} there.`,
      evidence: [
        `${several(backlog.packets, 'packet waits', 'packets wait')} there now (${count(backlog.bytes / 1000)} kB), ${count(standing)} on average`,
        `${leavingWords(wait)} leave it: by Little’s law each waits so long`,
        isOnward
          ? `${several(own, 'packet')} of the device went there in ${device.seconds.toFixed(0)} s; others may wait there too`
          : `${several(own, 'packet')} came to the device in ${device.seconds.toFixed(0)} s; which of them came that way is not known`,
      ],
      remedies: [
        hostCommand(
          device,
          window,
          `tc -s qdisc show dev ${quoted(backlog.device)}`,
          'Shows rate, limit and backlog. Where more is meant to pass: the same with a higher rate, by tc … change.',
        ),
        {
          command: inNamespaceOf(device, window, `tc qdisc delete dev ${quoted(backlog.device)} root`),
          effect: 'Only if no shaper is meant there: the default qdisc takes its place; what waits is lost.',
          lossless: false,
          restart: false,
          by: 'host',
        },
      ],
      rejected: [{ rule: QDISC_DROP, because: 'that is of what goes to the device' }],
      confidence: isOnward ? 'medium' : 'low',
    }),
  ];
}

function delayedBeyond(
  { device: at, netns, sentBy, packets, seconds }: BeyondWait,
  device: DeviceSpan,
  window: Window,
) {
  return onDevice(device, {
    severity: delaySeverity(seconds),
    brief: `sends what waits ${duration(seconds)} in the qdisc of ${at}, behind ${sentBy}`,
    cause: `${nameOf(device)}: what its guest or writer sends waits about ${duration(seconds)} in the qdisc of ${at}, behind ${sentBy}, in the network namespace ${namespaceIn(netns, window.agent)}.`,
    evidence: [
      `${several(packets, 'packet')} of the device left that qdisc in ${device.seconds.toFixed(0)} s; each was timed`,
      `the host sends them on by ${sentBy}`,
    ],
    remedies: [
      {
        command: inNamespace(netns, window, `tc -s qdisc show dev ${quoted(at)}`),
        effect:
          'Shows rate, limit and backlog. Where more is meant to pass: the same with a higher rate, by tc … change.',
        lossless: true,
        restart: false,
        by: 'host' as const,
      },
    ],
    rejected: [{ rule: QDISC_DROP, because: 'that is of what goes to the device' }],
    confidence: 'high',
  });
}

function leavingWords({ perSecond }: OnwardWait): string {
  return `${perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : count(perSecond)} a second`;
}
