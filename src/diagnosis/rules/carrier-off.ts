// SPDX-License-Identifier: Apache-2.0

import { lossBefore, NOISE_PER_SECOND } from '../evidence/loss.ts';
import { failedEvidence, failedTowards } from '../evidence/surroundings.ts';
import type { Diagnosis, Severity } from '../finding.ts';
import { nameOf, readerName, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { setLink } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { NO_READER, QDISC_DROP } from '../rule-names.ts';
import type { DeviceSpan, Window } from '../window.ts';

/** Fewer are what its bridge or a neighbour sends meanwhile. */
const FEWEST = 10;

export const carrierOff: Rule = {
  name: 'carrier-off',
  summary: 'a process has the device open, but its carrier is off: everything sent to it is dropped before it',
  explanation:
    'The carrier of a tun or tap comes with its first queue. Only a program turns it off while a queue is attached: by TUNSETCARRIER (a VMM whose guest’s cable was pulled), or by ip link set carrier off. ' +
    'The kernel then replaces the qdisc by noop, which drops every packet, a bridge disables the port, and tc redirects to the device fail. What the guest sends still comes through.\n\n' +
    'The lost packets are counted once: as lost before tun. Since Linux 6.12 the kernel has them in tx_dropped too. The rule applies if packets are lost, and to a device that is asked about.',
  symptom: 'loss-before-tun',
  needs: ['devices'],
  judge: (window, asked) => window.devices.flatMap((device) => unplugged(device, window, device === asked)),
};

function unplugged(device: DeviceSpan, window: Window, isAsked: boolean): readonly Diagnosis[] {
  if (!isUnplugged(device.now) || !device.steps.slice(-2).every(isUnplugged)) return [];
  const failures = failedTowards(device);
  const redirected = failures.reduce((sum, { failed }) => sum + failed, 0);
  const lost = (lossBefore(device, () => true)?.lost ?? 0) + redirected;
  const severity = severityOf(lost, device, isAsked);
  if (!severity) return [];
  const reader = device.queues.find(({ now }) => now.owner);
  const seconds = device.seconds.toFixed(0);
  return [
    onDevice(device, {
      severity,
      brief: 'loses all packets: its carrier is off, though a process has it open',
      cause: `${nameOf(device)} loses every packet sent to it: its carrier is off, although ${reader ? `${readerName(reader)} has it open` : 'a process has it open'}.`,
      evidence: [
        `carrier off, ${several(device.now.attachedQueues ?? 0, 'queue')} attached: a program turned it off`,
        lost > 0
          ? `${several(lost, 'packet was', 'packets were')} lost before it in ${seconds} s`
          : `no packet was sent to it in ${seconds} s`,
        failedEvidence(failures),
        device.before.carrier ? 'the carrier was on when the sample began' : undefined,
        device.now.bridgePort === undefined ? undefined : 'it is a port of a bridge, which disables it meanwhile',
      ],
      remedies: [
        {
          command: setLink(device, window, 'carrier on'),
          effect:
            'Turns it on. A VMM that was told that the cable is out turns it off again: there it is set_link NAME on (QEMU), virsh domif-setlink … up.',
          lossless: true,
          restart: false,
          by: 'host',
        },
      ],
      rejected: [
        { rule: NO_READER, because: `${several(device.now.attachedQueues ?? 0, 'queue is', 'queues are')} attached` },
        { rule: QDISC_DROP, because: 'without carrier no qdisc is at work, even if tc shows one' },
      ],
      confidence: 'high',
    }),
  ];
}

/** A macvtap has the carrier of the device below it. */
function isUnplugged({ up, carrier, attachedQueues, macvtap }: DeviceSpan['now']): boolean {
  return up && !carrier && !macvtap && attachedQueues !== undefined && attachedQueues > 0;
}

/** undefined: nothing is lost, and no operator asks. */
function severityOf(lost: number, { seconds }: DeviceSpan, isAsked: boolean): Severity | undefined {
  if (isAsked) return 'warning';
  if (lost < FEWEST) return undefined;
  return lost / seconds >= NOISE_PER_SECOND ? 'warning' : 'info';
}
