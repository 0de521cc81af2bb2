// SPDX-License-Identifier: Apache-2.0
// Rings: bursts that do not fit, a ring of no size, one so deep that packets age in it, and one that is made smaller.
import { drawn, dropped, type Entry, type Fault, ringOverflows } from './scenario.ts';
import type { Stage } from './setup.ts';

/** Sends two bursts a second, each of `size` times the packets that the ring holds. */
export async function burst({ send, variant }: Stage, device: string, size: number): Promise<void> {
  const lump = Math.ceil(size * variant.ring);
  await send(device, { lump, rate: 2 * lump });
}

/** Reads 5 000 packets a second, of which bursts are a tenth: the reader computes a little after each. */
export async function readBriskly({ open, take }: Stage, device: string): Promise<void> {
  await open(device);
  await take(`${device}.0`, 0, { work: 200 });
}

export const overflowing: Fault = { device: 'tap0', rule: 'ring-full-burst', holds: ringOverflows };

const rings = drawn(['tap', 'tun'], [64, 100, 200], [0]);

/** Adds packets that wait from now on, while others come and go as fast. */
async function fill({ sender }: Stage, waiting: number): Promise<void> {
  await sender.packet('tap0', waiting, 100);
}

async function paced({ open, take, send, variant }: Stage): Promise<void> {
  await open('tap0');
  await take('tap0.0', variant.rate);
  await send('tap0');
}

export const OVERFLOW: readonly Entry[] = [
  {
    name: 'bursts that do not fit the ring',
    faults: [overflowing],
    ...rings,
    setUp: (stage) => readBriskly(stage, 'tap0'),
    begin: (stage) => burst(stage, 'tap0', 3),
  },
  {
    name: 'bursts that fit the ring',
    nearMissOf: 'ring-full-burst',
    ...rings,
    setUp: (stage) => readBriskly(stage, 'tap0'),
    begin: (stage) => burst(stage, 'tap0', 0.7),
  },
  {
    name: 'one burst, of which a few packets are lost',
    nearMissOf: 'ring-full-burst',
    ...drawn(['tap', 'tun'], [200], [400]),
    prepare: async (stage) => {
      await stage.open('tap0');
      await stage.take('tap0.0', 1000);
      await stage.send('tap0');
      return () => stage.sender.packet('tap0', 215, 100);
    },
  },
  {
    name: 'fq_codel over a ring that overflows',
    faults: [{ ...overflowing, also: ['qdisc-decorative'] }],
    ...rings,
    prepare: async (stage) => {
      await readBriskly(stage, 'tap0');
      await stage.lab.tc('qdisc replace dev tap0 root fq_codel');
      return () => burst(stage, 'tap0', 3);
    },
  },
  {
    name: 'fq_codel over a ring that never fills',
    nearMissOf: 'qdisc-decorative',
    ...drawn(['tap', 'tun', 'vhost'], [500, 1000], [300, 600]),
    prepare: async (stage) => {
      await stage.open('tap0');
      await stage.lab.tc('qdisc replace dev tap0 root fq_codel');
      await stage.take('tap0.0', 0);
      return () => stage.send('tap0');
    },
  },
  {
    name: 'a ring of no size',
    faults: [{ device: 'tap0', rule: 'txqlen-zero', holds: dropped('FULL_RING') }],
    ...drawn(['tap', 'tun'], [0], [200, 400]),
    setUp: (stage) => stage.serve(),
    begin: (stage) => stage.send('tap0'),
  },
  {
    name: 'no qdisc, which is not a ring of no size',
    nearMissOf: 'txqlen-zero',
    ...drawn(['tap', 'tun', 'vhost'], [100, 500], [200, 400]),
    prepare: async (stage) => {
      await stage.open('tap0');
      await stage.lab.tc('qdisc replace dev tap0 root noqueue');
      await stage.take('tap0.0', 0);
      return () => stage.send('tap0');
    },
  },
  {
    name: 'packets that wait for seconds in a deep ring',
    faults: [
      { device: 'tap0', rule: 'bufferbloat', holds: (_, { queues }) => (queues[0]?.ring?.occupancy ?? 0) > 1000 },
    ],
    ...drawn(['tap', 'tun'], [6000, 10_000], [400, 600]),
    setUp: (stage) => paced(stage),
    begin: (stage) => fill(stage, 2500),
  },
  {
    name: 'a deep ring in which nothing waits',
    nearMissOf: 'bufferbloat',
    ...drawn(['tap', 'tun', 'vhost'], [6000, 10_000], [400, 600]),
    setUp: (stage) => stage.serve(),
    begin: (stage) => stage.send('tap0', { lump: 50 }),
  },
  {
    name: 'a ring made smaller while packets wait',
    faults: [
      {
        device: 'tap0',
        rule: 'self-inflicted',
        holds: (before, now) => resizedOf(now) > resizedOf(before),
      },
    ],
    ...drawn(['tap', 'tun'], [1000], [300]),
    prepare: async (stage) => {
      await stage.open('tap0');
      // A slow machine takes a second to change the length: there is more in the ring than is read meanwhile.
      await stage.take('tap0.0', 1.5 * stage.variant.rate);
      await stage.send('tap0');
      return () => fill(stage, 800).then(() => stage.lab.ip('link set dev tap0 txqueuelen 200'));
    },
  },
  {
    name: 'a ring made larger while packets wait',
    nearMissOf: 'self-inflicted',
    ...drawn(['tap', 'tun'], [200], [2000]),
    prepare: async (stage) => {
      await stage.open('tap0');
      await stage.take('tap0.0', stage.variant.rate);
      await stage.send('tap0', { lump: 100, rate: stage.variant.rate / 2 });
      return () => stage.lab.ip('link set dev tap0 txqueuelen 1000');
    },
  },
];

function resizedOf({ queues }: Parameters<Fault['holds']>[0]): number {
  return queues.reduce((sum, { counters }) => sum + (counters?.resized ?? 0), 0);
}
