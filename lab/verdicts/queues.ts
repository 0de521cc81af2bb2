// SPDX-License-Identifier: Apache-2.0
// Devices of several queues: one that has all the load, one that is not served.
import { drawn, type Entry, ringOverflows } from './scenario.ts';
import type { Stage } from './setup.ts';

const QUEUES = 4;
const several = drawn(['tap', 'tun', 'vhost'], [100, 300], [1200, 1600]);

async function openAll(stage: Stage, served: number, perSecond = 0): Promise<void> {
  await stage.open('tap0', { queues: QUEUES });
  for (let queue = 0; queue < served; queue++) await stage.take(`tap0.${queue}`, perSecond);
}

export const MULTI_QUEUE: readonly Entry[] = [
  {
    name: 'one queue of four has the load',
    faults: [
      {
        device: 'tap0',
        rule: 'queue-hot',
        may: ['ring-full-burst', 'guest-not-refilling', 'reader-blocked'],
        holds: ringOverflows,
      },
    ],
    ...several,
    prepare: async (stage) => {
      await openAll(stage, QUEUES, stage.variant.rate / 2);
      await stage.send('tap0', { rate: 60, queues: QUEUES });
      return () => stage.send('tap0', { queue: 1 });
    },
  },
  {
    name: 'four queues with even load',
    nearMissOf: 'queue-hot',
    ...several,
    setUp: (stage) => openAll(stage, QUEUES),
    begin: (stage) => stage.send('tap0', { queues: QUEUES }),
  },
  {
    name: 'one queue has all the load, and is up to it',
    nearMissOf: 'queue-hot',
    ...drawn(['tap', 'tun', 'vhost'], [500], [600]),
    setUp: (stage) => openAll(stage, QUEUES),
    begin: (stage) => stage.send('tap0', { queue: 2 }),
  },
  {
    name: 'one queue of four that nobody serves',
    faults: [{ device: 'tap0', rule: 'queue-dead', may: ['reader-stalled'], holds: ringOverflows }],
    ...several,
    setUp: (stage) => openAll(stage, QUEUES - 1),
    begin: (stage) => stage.send('tap0', { queues: QUEUES }),
  },
  {
    name: 'a queue that nobody serves and nobody sends to',
    nearMissOf: 'queue-dead',
    ...several,
    setUp: (stage) => openAll(stage, QUEUES - 1),
    begin: (stage) => stage.send('tap0', { queues: QUEUES - 1 }),
  },
];
