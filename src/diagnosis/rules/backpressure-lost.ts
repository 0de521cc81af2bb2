// SPDX-License-Identifier: Apache-2.0

import { fullRing } from '../evidence/full-ring.ts';
import type { Diagnosis } from '../finding.ts';
import { count, nameOf, readerName, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { hostCommand, quoted } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import type { DeviceSpan, Window } from '../window.ts';

export const backpressureLost: Rule = {
  name: 'backpressure-lost',
  summary: 'the device’s flow control is lost, or set and without effect: a full ring loses packets again',
  explanation:
    'IFF_BACKPRESSURE is set by the program that opens the device, and cleared, silently and for all, by the next that opens it without. It then looks like any other device. ' +
    'It has no effect either while a queue has no qdisc that can hold packets (noqueue), or a ring of size 0. The flag can only be set by opening the device again with it.\n\n' +
    'This is known only for devices that lost the flag while tapscope ran.',
  symptom: 'setting',
  needs: ['devices', 'stops'],
  judge: (window) => window.devices.flatMap((device) => [...cleared(device), ...inactive(device, window)]),
};

function cleared(device: DeviceSpan): readonly Diagnosis[] {
  const { flowControl, flowControlLost = 0 } = device.now;
  if (flowControl !== 'tail-drop' || flowControlLost === 0) return [];
  const reader = device.queues[0];
  return [
    onDevice(device, {
      severity: 'warning',
      brief: 'loses packets again: a program that does not know IFF_BACKPRESSURE opened it',
      cause: `${nameOf(device)} lost its flow control: a program that does not know IFF_BACKPRESSURE opened it and so cleared the flag; a full ring loses packets again.`,
      evidence: [
        `the flag was cleared ${count(flowControlLost)} time${flowControlLost > 1 ? 's' : ''} while tapscope ran`,
        reader && `held now by ${readerName(reader)}`,
      ],
      remedies: [
        {
          command: undefined,
          effect:
            'Start the reader again, with the flag (0x80 in TUNSETIFF); no other program may open the device after it.',
          lossless: false,
          restart: true,
          by: 'vmm',
        },
      ],
      rejected: [],
      confidence: 'high',
    }),
  ];
}

/** Told only where it hurts. */
function inactive(device: DeviceSpan, window: Window): readonly Diagnosis[] {
  const { flowControl, qdisc, queueLength } = device.now;
  const lost = device.queues.reduce((sum, queue) => sum + (fullRing(queue)?.loss.lost ?? 0), 0);
  if (flowControl !== 'backpressure-inactive' || lost === 0 || queueLength === 0) return [];
  return [
    onDevice(device, {
      severity: 'warning',
      brief: `loses ${several(lost, 'packet')} at a full ring: its qdisc ${qdisc ?? ''} cannot hold any`,
      cause: `${nameOf(device)} has IFF_BACKPRESSURE and still lost ${several(lost, 'packet')} at a full ring: its qdisc ${qdisc ?? ''} cannot hold packets, so nothing is stopped.`,
      evidence: [`${several(lost, 'packet')} lost at the full ring`, `qdisc: ${qdisc ?? 'unknown'}`],
      remedies: [
        hostCommand(
          device,
          window,
          `tc qdisc replace dev ${quoted(device.now.name)} root fq_codel`,
          'With a qdisc that can wait, a full ring stops the queue, and fq_codel decides what is dropped.',
        ),
      ],
      rejected: [],
      confidence: 'high',
    }),
  ];
}
