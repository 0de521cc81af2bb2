// SPDX-License-Identifier: Apache-2.0

import { type Loss, lossIn, lossOf, severityOf } from '../evidence/loss.ts';
import { refusalOf } from '../evidence/refusal.ts';
import type { Diagnosis } from '../finding.ts';
import { count, losesSent, nameOf, percent, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { hostCommand } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { type DeviceSpan, grown, type Window } from '../window.ts';

/** A non-blocking writer meets EAGAIN now and then: that is flow control, and only much of it, all the time, is a fault. */
const WAITING_SHARE = 0.2;
const WAITING_STEPS = 0.8;

export const writerRefused: Rule = {
  name: 'writer-refused',
  summary: 'the kernel refuses what the guest or program writes to the device',
  explanation:
    'From the guest to the host: a write that fails is a packet that never reached the host, and no counter shows most of them. EIO: the device is down. EINVAL: a virtio-net header that the kernel cannot interpret (a driver’s or VMM’s fault, or a kernel that became stricter about segmentation); on a device without such headers, no IP packet or no Ethernet frame. EFAULT: the writer’s memory cannot be read.\n\n' +
    'EAGAIN: the host holds as many of the writer’s bytes as it may (its send buffer). They wait behind the device, often in the qdisc of another, slow device. Nothing is lost by that yet; it is reported only if it lasts.',
  symptom: 'loss-from-guest',
  needs: ['devices', 'freed'],
  judge: (window) =>
    window.devices.flatMap((device) => [...refused(device, window), ...waiting(device, window)].slice(0, 1)),
};

/** Writes that failed with one errno, or with any but EAGAIN. */
function refusedWrites(device: DeviceSpan, errno?: string): number {
  const counts = ({ receive }: DeviceSpan['now']): number | undefined =>
    receive?.refused?.reduce(
      (sum, one) => ((errno === undefined ? one.errno !== 'EAGAIN' : one.errno === errno) ? sum + one.writes : sum),
      0,
    );
  return grown(device, counts) ?? 0;
}

/** The same packet shows in several counters, of which each host has others: the largest is the figure. */
function refusedLoss(device: DeviceSpan): Loss {
  const dropped = grown(device, ({ receive }) => receive?.dropped?.reduce((sum, { packets }) => sum + packets, 0)) ?? 0;
  const headers = grown(device, ({ receive }) => receive?.frameErrors) ?? 0;
  return lossOf(Math.max(refusedWrites(device), dropped, headers), passed(device), device.seconds);
}

function passed(device: DeviceSpan): number {
  return grown(device, ({ counters }) => counters?.rxPackets) ?? 0;
}

function refused(device: DeviceSpan, window: Window): readonly Diagnosis[] {
  const loss = lossIn(device, refusedLoss);
  const severity = severityOf(loss);
  if (!severity) return [];
  const headers = Math.max(refusedWrites(device, 'EINVAL'), grown(device, ({ receive }) => receive?.frameErrors) ?? 0);
  const writes = { headers, faults: refusedWrites(device, 'EFAULT'), down: refusedWrites(device, 'EIO') };
  const { why, remedies } = refusalOf(device, writes, window);
  return [
    onDevice(device, {
      severity,
      explains: loss.lost,
      brief: `${losesSent(loss)}: ${why.replace(/ \(\w+\)$/, '')}`,
      cause: `${nameOf(device)} refused ${count(loss.lost)} of ${several(loss.offered, 'packet')} from its guest or writer: ${why}.`,
      evidence: [
        `${percent(loss.share)} of what was written, ${count(loss.perSecond)} a second`,
        writes.down > 0 ? `${several(writes.down, 'write')} failed with EIO` : undefined,
        writes.headers > 0 ? `${several(writes.headers, 'write')} failed with EINVAL` : undefined,
        writes.faults > 0 ? `${several(writes.faults, 'write')} failed with EFAULT` : undefined,
        `the device is ${device.now.up ? 'up' : 'down'}`,
      ],
      remedies,
      rejected: [],
      confidence: writes.headers + writes.faults + writes.down > 0 || !device.now.up ? 'high' : 'medium',
    }),
  ];
}

function waiting(device: DeviceSpan, window: Window): readonly Diagnosis[] {
  const loss = lossOf(refusedWrites(device, 'EAGAIN'), passed(device), device.seconds);
  const steps = device.steps.map(
    ({ receive }) => receive?.refused?.find(({ errno }) => errno === 'EAGAIN')?.writes ?? 0,
  );
  const grew = steps.filter((writes, i) => i > 0 && writes > (steps[i - 1] ?? 0)).length;
  if (!severityOf(loss) || loss.share < WAITING_SHARE || grew < WAITING_STEPS * (steps.length - 1)) return [];
  return [
    onDevice(device, {
      severity: 'warning',
      brief: 'makes its guest or writer wait: what it sent before is still in a slow queue',
      cause: `${nameOf(device)}: its guest or writer has to wait in ${percent(loss.share)} of its writes (EAGAIN): what it sent before waits behind the device, in a slow queue.`,
      evidence: [
        `${several(loss.lost, 'write')} failed with EAGAIN, ${several(loss.offered - loss.lost, 'packet')} passed`,
      ],
      remedies: [
        hostCommand(
          device,
          window,
          'tc -s qdisc show',
          'Look for the device with a backlog: that is where its packets wait.',
        ),
        {
          command: undefined,
          effect:
            'libvirt: <tune><sndbuf>0</sndbuf></tune> lifts the limit; the packets then wait in that queue, or are dropped there.',
          lossless: false,
          restart: true,
          by: 'host',
        },
      ],
      rejected: [],
      confidence: 'medium',
    }),
  ];
}
