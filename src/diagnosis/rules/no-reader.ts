// SPDX-License-Identifier: Apache-2.0

import { lossBefore, NOISE_PER_SECOND } from '../evidence/loss.ts';
import { failedEvidence, failedTowards } from '../evidence/surroundings.ts';
import type { Diagnosis, Remedy, Severity } from '../finding.ts';
import { count, eachSecond, nameOf, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { hostCommand, inNamespaceOf, quoted } from '../remedies/command.ts';
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
    'A macvtap that no process has open, and that is asked about, passes its packets to the host’s own stack.\n\n' +
    'Devices that were left over get broadcasts of their bridge; below ten packets a second that is noise. What tc filters of other devices redirect to it is dropped there, and in no counter of this device. A device that is asked about is reported though nothing is lost yet.\n\n' +
    'A program that is to open it needs the right: the owner’s user or the group that ip -d link shows, or CAP_NET_ADMIN. Since Linux 7.3.3 and 6.12.117 a device without owner and group can be opened with CAP_NET_ADMIN only.',
  symptom: 'loss-before-tun',
  needs: ['devices', 'before'],
  judge: (window, asked) =>
    window.devices.flatMap((device) => [
      ...orphan(sinceItsReaderLeft(device), window, device === asked),
      ...(device === asked ? unopened(device) : []),
    ]),
};

/** A macvtap that nobody has open is an ordinary device of the host: its frames go to the host’s own stack. */
function unopened(device: DeviceSpan): readonly Diagnosis[] {
  const { up, attachedQueues, macvtap } = device.now;
  if (!up || !macvtap || attachedQueues !== 0 || device.before.attachedQueues !== 0) return [];
  const came = grown(device, ({ macvtap: counts }) => counts?.offered) ?? 0;
  return [
    onDevice(device, {
      severity: 'warning',
      explains: came,
      brief: 'has no guest: no process has it open, and the host itself gets its packets',
      cause: `${nameOf(device)}: no process has it open, so ${several(came, 'packet')} for its guest went to the host’s own stack in ${device.seconds.toFixed(0)} s.`,
      evidence: ['0 queues attached', `${several(came, 'packet')} came to it`],
      remedies: [
        {
          command: undefined,
          effect: 'Start the VM that should read it: it opens /dev/tap and the ifindex of the device.',
          lossless: true,
          restart: true,
          by: 'host',
        },
      ],
      rejected: [],
      confidence: 'high',
    }),
  ];
}

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

function orphan(device: DeviceSpan, window: Window, isAsked: boolean): readonly Diagnosis[] {
  const { up, attachedQueues, macvtap, detachedQueues = 0, persistent } = device.now;
  if (!up || macvtap || attachedQueues !== 0 || device.before.attachedQueues !== 0) return [];
  const before = lossBefore(device, () => true)?.lost ?? 0;
  const refused = grown(device, ({ queues }) => queues.reduce((sum, { counters }) => sum + notReady(counters), 0)) ?? 0;
  const failures = failedTowards(device);
  const lost = before + refused + failures.reduce((sum, { failed }) => sum + failed, 0);
  const severity = severityOf(lost, device, isAsked);
  if (!severity) return [];
  const isDetached = detachedQueues > 0;
  const why = isDetached
    ? `its process has detached all ${several(detachedQueues, 'queue')}`
    : 'no process has it open';
  return [
    onDevice(device, {
      severity,
      brief: `loses all packets, ${eachSecond(lost / device.seconds)}: ${why}`,
      cause: `${nameOf(device)} loses every packet sent to it (${count(lost)} in ${device.seconds.toFixed(0)} s): ${why}.`,
      evidence: [
        `0 queues attached, ${count(detachedQueues)} detached, carrier ${device.now.carrier ? 'on' : 'off'}`,
        before > 0 ? `${several(before, 'packet')} lost before tun` : undefined,
        refused > 0 ? `${several(refused, 'packet')} refused by tun as DEV_READY` : undefined,
        failedEvidence(failures),
        persistent ? persistence(device) : undefined,
      ],
      remedies: [
        {
          command: undefined,
          effect: isDetached
            ? 'The program that holds it has to attach its queues again (TUNSETQUEUE).'
            : 'Start the VM or VPN that should read it: it opens the device again, if it is the owner’s or has CAP_NET_ADMIN.',
          lossless: true,
          restart: true,
          by: isDetached ? 'vmm' : 'host',
        },
        ...(isDetached ? [] : ownership(device, window)),
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

/** undefined: a trickle that no operator asks about. */
function severityOf(lost: number, { seconds }: DeviceSpan, isAsked: boolean): Severity | undefined {
  if (isAsked) return 'warning';
  if (lost < FEWEST) return undefined;
  return lost / seconds >= NOISE_PER_SECOND ? 'warning' : 'info';
}

function persistence({ now: { surroundings } }: DeviceSpan): string {
  if (!surroundings) return 'the device is persistent: it stays when its process ends';
  const { owner, group } = surroundings;
  const who = [owner === undefined ? [] : `user ${owner}`, group === undefined ? [] : `group ${group}`].flat();
  return who.length === 0
    ? 'it is persistent and without owner: since Linux 7.3.3 and 6.12.117 only CAP_NET_ADMIN may open it'
    : `it is persistent; ${who.join(' and ')} may open it, others need CAP_NET_ADMIN`;
}

/** A persistent device keeps its owner; ip cannot change that of one that is there. */
function ownership(device: DeviceSpan, window: Window): readonly Remedy[] {
  const { kind, name, persistent, surroundings } = device.now;
  if (!persistent || !surroundings) return [];
  const word = `${quoted(name)} mode ${kind}`;
  return [
    hostCommand(
      device,
      window,
      `ip -d link show dev ${quoted(name)}`,
      `Shows user and group. If the program’s user is another, make it anew: ip tuntap del dev ${word}; ip tuntap add dev ${word} user USER.`,
    ),
  ];
}
