// SPDX-License-Identifier: Apache-2.0

import { heldUp, type SendSpan } from '../evidence/program-side.ts';
import type { Diagnosis } from '../finding.ts';
import { count, queueName, several } from '../format.ts';
import { onQueue } from '../make-finding.ts';
import { hostCommand } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { WRITER_REFUSED } from '../rule-names.ts';
import { grown, type QueueSpan, type Window } from '../window.ts';

export const sendLimit: Rule = {
  name: 'send-limit',
  summary: 'a send limit holds up the guest or program: its writes wait, and nothing is dropped',
  explanation:
    'The kernel lets a queue have so many bytes of its writer’s packets under way in the host: a macvtap 212 992, a tap what was set with TUNSETSNDBUF (QEMU and libvirt: sndbuf); a tap’s own default is no limit. ' +
    'A write beyond that waits or fails with EAGAIN. The guest is slow and no counter grows. What fills the limit are packets that wait behind the device, mostly in the queue of a slower device that the bridge or the macvtap sends them by.\n\n' +
    'It is told if the limit was reached in most samples, and writes were refused or waited. The bytes are those that the kernel charges, about twice a packet’s own. They are read only while somebody asks.',
  symptom: 'loss-from-guest',
  needs: ['devices'],
  judge: (window) =>
    window.devices.flatMap(({ queues }) =>
      queues.flatMap((queue) => {
        const held = heldUp(queue);
        return held ? [limited(queue, held, window)] : [];
      }),
    ),
};

function limited(queue: QueueSpan, held: SendSpan, window: Window): Diagnosis {
  const { device } = queue;
  const passed = grown(device, ({ counters, macvtap }) => macvtap?.written ?? counters?.rxPackets) ?? 0;
  return onQueue(queue, {
    severity: 'warning',
    brief: `cannot send more: its send limit of ${count(held.limit)} bytes is reached`,
    cause: `${queueName(queue)}: its send limit of ${count(held.limit)} bytes holds up its guest or program: in ${held.full} of ${held.samples} samples it was reached.`,
    evidence: [
      `up to ${count(held.mostInFlight)} bytes that it wrote were still in the host; from ${count(held.limit)} on a write is refused`,
      device.now.macvtap
        ? 'writes were refused (EAGAIN) or had to wait; tx_dropped counts them, though they are no loss'
        : 'writes were refused (EAGAIN) or had to wait',
      `${several(passed / device.seconds, 'packet')} a second passed`,
    ],
    remedies: [
      hostCommand(
        device,
        window,
        'tc -s qdisc show',
        'Look for the device with a backlog: that is where its packets wait, and what limits it.',
      ),
      {
        command: undefined,
        effect:
          'libvirt: <tune><sndbuf>0</sndbuf></tune>; QEMU: sndbuf=0. Packets then wait, or are dropped, in the queue behind.',
        lossless: false,
        restart: true,
        by: 'host',
      },
    ],
    rejected: [{ rule: WRITER_REFUSED, because: 'the limit alone refuses them: below it they pass' }],
    confidence: 'high',
  });
}
