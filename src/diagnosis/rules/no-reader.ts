// SPDX-License-Identifier: Apache-2.0

import { lossBefore, NOISE_PER_SECOND } from '../evidence/loss.ts';
import type { Diagnosis } from '../finding.ts';
import { count, nameOf } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { inNamespaceOf, quoted } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { QDISC_DROP } from '../rule-names.ts';
import { type DeviceSpan, grown, type Window } from '../window.ts';

/** Fewer are the odd multicast packet to a tap that was left over: those are common and harmless. */
const FEWEST = 10;

export const noReader: Rule = {
  name: 'no-reader',
  summary: 'packets are sent to a device that no process has open',
  explanation:
    'A persistent device stays when its process ends. Packets to it are then lost before tun: the kernel has put the qdisc noop in the place of the one that tc still shows. Where a process has the device open and all its queues detached, tun itself drops (DEV_READY).\n\n' +
    'Devices that were left over get broadcasts of their bridge; below ten packets a second that is noise.',
  symptom: 'loss-before-tun',
  needs: ['devices', 'before'],
  judge: (window) => window.devices.flatMap((device) => orphan(sinceItsReaderLeft(device), window)),
};

/** The part of the window since the reader left: losses before that have other causes. */
function sinceItsReaderLeft(device: DeviceSpan): DeviceSpan {
  const { steps, takenAt, now } = device;
  const first = steps.findLastIndex(({ attachedQueues }) => attachedQueues !== 0) + 1;
  const [before, left, ended] = [steps[first], takenAt[first], takenAt.at(-1)];
  if (!before || left === undefined || ended === undefined || before === now) return device;
  return {
    ...device,
    queues: device.queues,
    before,
    seconds: ended - left,
    steps: steps.slice(first),
    takenAt: takenAt.slice(first),
  };
}

function orphan(device: DeviceSpan, window: Window): readonly Diagnosis[] {
  const { up, attachedQueues, macvtap, detachedQueues = 0, persistent } = device.now;
  if (!up || macvtap || attachedQueues !== 0 || device.before.attachedQueues !== 0) return [];
  const before = lossBefore(device, () => true)?.lost ?? 0;
  const refused = grown(device, ({ queues }) => queues.reduce((sum, { counters }) => sum + notReady(counters), 0)) ?? 0;
  const lost = before + refused;
  if (lost < FEWEST) return [];
  const perSecond = lost / device.seconds;
  const isDetached = detachedQueues > 0;
  const why = isDetached ? `its process has detached all ${count(detachedQueues)} queues` : 'no process has it open';
  return [
    onDevice(device, {
      severity: perSecond >= NOISE_PER_SECOND ? 'warning' : 'info',
      cause: `${nameOf(device)} loses every packet sent to it (${count(lost)} in ${device.seconds.toFixed(0)} s): ${why}.`,
      evidence: [
        `0 queues attached, ${count(detachedQueues)} detached, carrier ${device.now.carrier ? 'on' : 'off'}`,
        before > 0 ? `${count(before)} packets lost before tun` : undefined,
        refused > 0 ? `${count(refused)} packets refused by tun as DEV_READY` : undefined,
        persistent ? 'the device is persistent: it stays when its process ends' : undefined,
      ],
      remedies: [
        {
          command: undefined,
          effect: isDetached
            ? 'The program that holds it has to attach its queues again (TUNSETQUEUE).'
            : 'Start the VM or VPN that should read it: it opens the device again, and nothing else is needed.',
          lossless: true,
          restart: true,
          by: isDetached ? 'vmm' : 'host',
        },
        {
          command: inNamespaceOf(device, window, `ip link delete dev ${quoted(device.now.name)}`),
          effect: 'Only if it was left over: deletes it, with its addresses and routes and its place in a bridge.',
          lossless: false,
          restart: false,
          by: 'host',
        },
      ],
      rejected: [{ rule: QDISC_DROP, because: `with 0 readers no qdisc is at work, even if tc shows one` }],
      confidence: 'high',
    }),
  ];
}

function notReady(counters: DeviceSpan['now']['queues'][number]['counters']): number {
  return counters?.dropped.find(({ reason }) => reason === 'DEV_READY')?.packets ?? 0;
}
