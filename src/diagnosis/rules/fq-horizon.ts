// SPDX-License-Identifier: Apache-2.0

import { isHorizonDrop, isQdiscDrop } from '../evidence/drop-kinds.ts';
import { type Loss, lossBefore, severityOf } from '../evidence/loss.ts';
import { count, loses, nameOf, percent, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { inNamespaceOf, quoted } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { QDISC_DROP } from '../rule-names.ts';
import type { DeviceSpan } from '../window.ts';

/** The fewest drops that count: a healthy host has none. */
const FEWEST = 10;
/** The share of the packets that counts as all: a few packets may carry no time. */
const ALL = 0.99;

export const fqHorizon: Rule = {
  name: 'fq-horizon',
  summary: 'the qdisc fq drops packets because their time to leave seems to lie far ahead',
  explanation:
    'fq lets each packet leave at the time that it carries, and drops packets whose time is beyond its horizon (10 s). Packets that were forwarded may carry a time of another clock: wall-clock receive stamps read as monotonic departure times lie decades ahead, so that all of them are lost. ' +
    'It was seen with Kata containers behind a bandwidth manager that makes fq the default, while something on the host has packet time stamps on; a kernel with CONFIG_NET_REDIRECT clears them.\n\n' +
    'Some kernels name the horizon as the reason of the drop; others (6.1, 6.12, 7.2 and 7.3 among them) call it QDISC_DROP like every other. On those, the rule applies if fq lets next to nothing pass, because its limits would let more pass. tc -s qdisc counts horizon_drops, which makes it certain.',
  symptom: 'loss-before-tun',
  needs: ['devices', 'before'],
  judge: (window) =>
    window.devices.flatMap((device) => {
      const named = lossBefore(device, isHorizonDrop);
      const isNamed = (named?.lost ?? 0) >= FEWEST;
      const loss = isNamed ? named : everything(device);
      if (!loss) return [];
      const name = quoted(device.now.name);
      return [
        onDevice(device, {
          severity: severityOf(loss) ?? 'warning',
          brief: `${loses(loss)}: its qdisc fq takes their departure times for too far ahead`,
          cause: `${nameOf(device)} lost ${count(loss.lost)} of ${several(loss.offered, 'packet')} in its qdisc fq: they carry departure times too far ahead, most likely of another clock.`,
          evidence: [
            isNamed
              ? `${several(loss.lost, 'drop')} with the kernel’s reason HORIZON_LIMIT, ${percent(loss.share)} of the packets`
              : `${percent(loss.share)} of the packets lost in fq, whose limits let some of each flow pass`,
            `qdisc of the device: ${device.now.qdisc ?? 'unknown'}`,
          ],
          remedies: [
            {
              command: inNamespaceOf(device, window, `tc qdisc replace dev ${name} root fq_codel`),
              effect:
                'fq_codel ignores departure times; packets that wait in fq now are lost. Rate limits set in fq are gone too.',
              lossless: false,
              restart: false,
              by: 'host',
            },
          ],
          rejected: [
            { rule: QDISC_DROP, because: `these ${count(loss.lost)} were not dropped because a queue was full` },
          ],
          confidence: isNamed ? 'high' : 'medium',
        }),
      ];
    }),
};

/** The losses in fq, if nothing else is lost and the kernel does not say why. */
function everything(device: DeviceSpan): Loss | undefined {
  const { qdisc, carrier, attachedQueues } = device.now;
  if (qdisc !== 'fq' || !carrier || attachedQueues === 0) return undefined;
  const loss = lossBefore(device, isQdiscDrop);
  return loss && severityOf(loss) && loss.share >= ALL ? loss : undefined;
}
