// SPDX-License-Identifier: Apache-2.0

import { isQdiscReset } from '../evidence/drop-kinds.ts';
import { lossBefore } from '../evidence/loss.ts';
import { nameOf, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import type { Rule } from '../rule.ts';
import { grown } from '../window.ts';

export const selfInflicted: Rule = {
  name: 'self-inflicted',
  summary: 'a change of the device discarded packets that waited in it',
  explanation:
    'A smaller txqueuelen discards what no longer fits into the ring. A queue that is closed or detached discards what waits in it, a qdisc that is replaced what it held. It happens once, no counter of the kernel shows it (`ip -s link` and `tc` do not), and it needs no repair.\n\n' +
    'Growing txqueuelen loses nothing. A smaller one is best set before the reader starts.',
  symptom: 'thrown-out',
  needs: ['devices', 'freed'],
  judge: ({ devices }) =>
    devices.flatMap((device) => {
      const thrown = (cause: string): number =>
        grown(device, ({ uncounted }) => uncounted.find((one) => one.cause === cause)?.packets) ?? 0;
      const acts = [
        { packets: thrown('resized'), act: `its txqueuelen was made smaller (now ${device.now.queueLength})` },
        { packets: thrown('purged'), act: 'a queue with packets in its ring was closed or detached' },
        { packets: lossBefore(device, isQdiscReset)?.lost ?? 0, act: 'its qdisc was replaced or reset' },
      ].filter(({ packets }) => packets > 0);
      const total = acts.reduce((sum, { packets }) => sum + packets, 0);
      if (acts.length === 0) return [];
      return [
        onDevice(device, {
          severity: 'info',
          brief: `lost ${several(total, 'packet')}: ${acts.map(({ act }) => act).join(', and ')}`,
          cause: `${nameOf(device)}: ${several(total, 'packet that waited for its reader was', 'packets that waited for its reader were')} thrown out when ${acts.map(({ act }) => act).join(', and ')}.`,
          evidence: acts.map(({ packets, act }) => `${several(packets, 'packet')}: ${act}`),
          remedies: [
            {
              command: undefined,
              effect:
                'Nothing to repair. Make a ring smaller, or replace a qdisc, before the reader starts or while nothing flows.',
              lossless: true,
              restart: false,
              by: 'host',
            },
          ],
          rejected: [],
          confidence: 'high',
        }),
      ];
    }),
};
