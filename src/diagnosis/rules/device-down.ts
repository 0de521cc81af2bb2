// SPDX-License-Identifier: Apache-2.0

import { lossBefore, NOISE_PER_SECOND } from '../evidence/loss.ts';
import { failedEvidence, failedTowards } from '../evidence/surroundings.ts';
import type { Diagnosis, Severity } from '../finding.ts';
import { nameOf, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { hostCommand, setLink } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { NO_READER } from '../rule-names.ts';
import { type DeviceSpan, grown, type Window } from '../window.ts';

/** Fewer are what its bridge or a neighbour sends once while it is set down. */
const FEWEST = 10;

export const deviceDown: Rule = {
  name: 'device-down',
  summary: 'the device is down: the kernel forwards nothing to it and takes nothing from it',
  explanation:
    'A device that is down (no UP flag) has no routes, and a bridge forwards nothing to it. Its qdisc is noop, and a write fails with EIO. ' +
    'Most of these packets show in no counter of the device: the sender gets an error, or another route takes them.\n\n' +
    'A device that is down and that nothing uses is healthy and is not reported. The rule applies if a program has the device open and it was set down while packets passed. ' +
    'It also applies if packets are still sent to the device, and to a device that is asked about, which may have come up again meanwhile.',
  symptom: 'loss-from-guest',
  needs: ['devices'],
  judge: (window, asked) =>
    window.devices.flatMap((device) =>
      device === asked && device.now.up ? wasDown(device, window) : down(device, window, device === asked),
    ),
};

function down(device: DeviceSpan, window: Window, isAsked: boolean): readonly Diagnosis[] {
  const { up, macvtap, attachedQueues } = device.now;
  if (up || macvtap) return [];
  const failures = failedTowards(device);
  const redirected = failures.reduce((sum, { failed }) => sum + failed, 0);
  const lost = (lossBefore(device, () => true)?.lost ?? 0) + refused(device) + redirected;
  const wasUsed = attachedQueues !== 0 && passedWhileUp(device) >= FEWEST;
  const severity = severityOf(device, { lost, wasUsed, isAsked });
  if (!severity) return [];
  return [
    onDevice(device, {
      severity,
      brief: 'gets nothing and sends nothing: it is down',
      cause: `${nameOf(device)} is down: the kernel forwards nothing to it and takes nothing from it.`,
      evidence: [
        'the device has no UP flag',
        lost > 0
          ? `${several(lost, 'packet was', 'packets were')} lost at it in ${device.seconds.toFixed(0)} s`
          : undefined,
        failedEvidence(failures),
        wasUsed
          ? `it was set down while it was watched: ${several(passedWhileUp(device), 'packet')} had passed`
          : undefined,
        attachedQueues === undefined ? undefined : `${several(attachedQueues, 'queue')} attached`,
      ],
      remedies: [
        {
          command: setLink(device, window, 'up'),
          effect:
            'Sets it up; its addresses are still there, routes that other programs had added are not. See which script or network manager set it down: it will do so again.',
          lossless: true,
          restart: false,
          by: 'host',
        },
      ],
      rejected: [{ rule: NO_READER, because: 'a reader gets 0 packets of a device that is down' }],
      confidence: 'high',
    }),
  ];
}

/** Each time its routes went, and the sender got an error that no counter has. A device that comes up once was started. */
function wasDown(device: DeviceSpan, window: Window): readonly Diagnosis[] {
  const { steps } = device;
  const firstUp = steps.findIndex(({ up }) => up);
  const since = steps.slice(firstUp);
  const samples = since.filter(({ up }) => !up).length;
  if (firstUp < 0 || samples === 0 || device.now.macvtap || device.now.attachedQueues === 0) return [];
  return [
    onDevice(device, {
      severity: 'warning',
      brief: 'was set down and up again',
      cause: `${nameOf(device)} was set down and up again: in ${samples} of ${since.length} samples it was down, and nothing could be sent to it.`,
      evidence: ['without the UP flag it has no routes: senders get an error, or other routes take the packets'],
      remedies: [
        hostCommand(
          device,
          window,
          'ip monitor link',
          'Shows when it is set down. See which script or network manager does that.',
        ),
      ],
      rejected: [],
      confidence: 'medium',
    }),
  ];
}

interface Signs {
  readonly lost: number;
  readonly wasUsed: boolean;
  readonly isAsked: boolean;
}

/** undefined: nothing uses it, and no operator asks. */
function severityOf(device: DeviceSpan, { lost, wasUsed, isAsked }: Signs): Severity | undefined {
  if (isAsked || wasUsed) return 'warning';
  if (lost < FEWEST || device.now.attachedQueues === 0) return undefined;
  return lost / device.seconds >= NOISE_PER_SECOND ? 'warning' : 'info';
}

/** Writes that tun refused; the same packet may show in both counts. */
function refused({ before, now }: DeviceSpan): number {
  const writes = grown(
    { before, now },
    ({ receive }) => receive?.refused?.find(({ errno }) => errno === 'EIO')?.writes,
  );
  const freed = grown({ before, now }, ({ receive }) => receive?.dropped?.reduce((sum, one) => sum + one.packets, 0));
  return Math.max(writes ?? 0, freed ?? 0);
}

/** Packets in both directions, before the device was set down. */
function passedWhileUp(device: DeviceSpan): number {
  if (!device.before.up) return 0;
  return grown(device, ({ counters }) => (counters ? counters.txPackets + counters.rxPackets : undefined)) ?? 0;
}
