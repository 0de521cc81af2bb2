// SPDX-License-Identifier: Apache-2.0
// What the program behind the device brought about: filters, refused writes, flow control.
import { setTimeout as wait } from 'node:timers/promises';
import type { Device } from '../../src/snapshot/device.ts';
import { burst } from './overflow.ts';
import { BACKPRESSURE, drawn, dropped, type Entry, type Fault, ringOverflows } from './scenario.ts';
import type { Stage } from './setup.ts';

const readers = drawn(['tap', 'tun'], [500], [200, 400]);

const refusedOf = ({ receive }: Device): number =>
  (receive?.refused ?? []).reduce((sum, { writes }) => sum + writes, 0) + (receive?.frameErrors ?? 0);

export const refused: Fault = {
  device: 'tap0',
  rule: 'writer-refused',
  holds: (before, now) => refusedOf(now) > refusedOf(before),
};

/** 250 packets a second. */
export async function writeBadHeaders({ often, reader }: Stage): Promise<void> {
  often(100, () => reader.write('tap0.0', 25, 100, { wrong: 'badheader' }));
}

/** fq_codel and IFF_BACKPRESSURE: a device that stops instead of dropping. */
async function stopping(stage: Stage): Promise<void> {
  await stage.open('tap0', { flags: ['backpressure', 'persist'] });
  await stage.lab.tc('qdisc replace dev tap0 root fq_codel');
}

// Frames that XDP redirects from a veth to tap0, past its qdisc.
async function redirected(stage: Stage): Promise<void> {
  await stage.open('tap0');
  await stage.lab.ipBatch(['link add ve0 type veth peer name ve1', 'link set ve0 up', 'link set ve1 up']);
  await stage.sender.redirect('ve1', 'tap0');
}

function redirectsLost(before: Device, now: Device): boolean {
  const of = ({ queues }: Device): number => queues.reduce((sum, { redirected: all }) => sum + (all?.lost ?? 0), 0);
  return of(now) > of(before) || ringOverflows(before, now);
}

const REDIRECTS: readonly Entry[] = [
  {
    name: 'redirected frames that overflow the ring',
    faults: [{ device: 'tap0', rule: 'xdp-overflow', may: ['ring-full-burst'], holds: redirectsLost }],
    ...drawn(['vhost'], [100], [500, 800]),
    prepare: async (stage) => {
      await redirected(stage);
      await stage.take('tap0.0', 0.4 * stage.variant.rate);
      return () => stage.send('ve0');
    },
  },
  {
    name: 'redirected bursts that overflow the ring',
    faults: [{ device: 'tap0', rule: 'xdp-overflow', may: ['ring-full-burst'], holds: redirectsLost }],
    ...drawn(['vhost'], [100], [5000]),
    prepare: async (stage) => {
      await redirected(stage);
      await stage.take('tap0.0', stage.variant.rate);
      return () => burst(stage, 've0', 3);
    },
  },
  {
    name: 'redirected frames that fit the ring',
    nearMissOf: 'xdp-overflow',
    ...drawn(['vhost'], [500], [500, 800]),
    prepare: async (stage) => {
      await redirected(stage);
      await stage.take('tap0.0', 0);
      return () => stage.send('ve0');
    },
  },
];

export const WRITTEN: readonly Entry[] = [
  {
    name: 'a filter that drops all',
    faults: [{ device: 'tap0', rule: 'filter-drop', holds: dropped('SOCKET_FILTER') }],
    ...drawn(['tap'], [500], [200, 400]),
    setUp: (stage) => stage.flow(),
    begin: (stage) => stage.reader.filter('tap0.0', 'all'),
  },
  {
    name: 'a filter of addresses that drops broadcasts',
    faults: [{ device: 'tap0', rule: 'filter-drop', holds: dropped('TAP_TXFILTER') }],
    ...drawn(['tap'], [500], [200, 400]),
    setUp: (stage) => stage.flow(),
    begin: (stage) => stage.reader.filter('tap0.0', 'address'),
  },
  {
    name: 'a filter that everything passes',
    nearMissOf: 'filter-drop',
    ...drawn(['tap'], [500], [200, 400]),
    prepare: async (stage) => {
      await stage.serve();
      await stage.reader.filter('tap0.0', 'passing');
      return () => stage.send('tap0');
    },
  },
  {
    name: 'writes to a device that is down',
    faults: [{ ...refused, may: ['device-down'] }],
    ...readers,
    prepare: async (stage) => {
      await stage.serve();
      await stage.talk();
      return () => stage.lab.ip('link set dev tap0 down');
    },
  },
  {
    name: 'a device that is set down',
    faults: [
      { device: 'tap0', rule: 'device-down', may: ['writer-refused'], holds: (before, now) => before.up && !now.up },
    ],
    ...readers,
    setUp: (stage) => stage.flow(),
    begin: (stage) => stage.lab.ip('link set dev tap0 down'),
  },
  {
    name: 'a device that is down and that nothing uses',
    nearMissOf: 'device-down',
    ...readers,
    prepare: async (stage) => {
      await stage.open('tap0');
      await stage.lab.ip('link set dev tap0 down');
      return async () => undefined;
    },
  },
  {
    name: 'somebody asks about a device that is down',
    faults: [{ device: 'tap0', rule: 'device-down', holds: (_, now) => !now.up }],
    asked: 'tap0',
    ...readers,
    setUp: (stage) => stage.open('tap0'),
    begin: (stage) => stage.lab.ip('link set dev tap0 down'),
  },
  {
    name: 'writes with headers that tun cannot follow',
    faults: [refused],
    ...readers,
    setUp: (stage) => stage.serve({ flags: ['vnet'] }),
    begin: (stage) => writeBadHeaders(stage),
  },
  {
    name: 'writes that are all well',
    nearMissOf: 'writer-refused',
    ...readers,
    setUp: (stage) => stage.serve({ flags: ['vnet'] }),
    begin: (stage) => stage.talk(),
  },
  {
    name: 'reads into a buffer that cannot be written',
    faults: [
      {
        device: 'tap0',
        rule: 'uncounted-loss',
        holds: (before, now) => failedOf(now) > failedOf(before),
      },
    ],
    ...readers,
    prepare: async (stage) => {
      await stage.open('tap0', { flags: ['vnet'] });
      return async () => {
        await stage.send('tap0');
        stage.often(50, () => stage.reader.readBad('tap0.0', 60));
      };
    },
  },
  {
    name: 'a read that fails now and then',
    nearMissOf: 'uncounted-loss',
    ...readers,
    prepare: async (stage) => {
      await stage.serve({ flags: ['vnet'] });
      await stage.send('tap0');
      return async () => stage.often(1000, () => stage.reader.readBad('tap0.0', 1));
    },
  },
  ...REDIRECTS,
  {
    name: 'a queue stays stopped for a reader that sleeps',
    faults: [{ device: 'tap0', rule: 'backpressure-stall', may: ['reader-stalled'], holds: isStopped }],
    ...drawn(['tap', 'tun'], [100, 200], [300]),
    only: BACKPRESSURE,
    prepare: async (stage) => {
      await stopping(stage);
      const { ring } = stage.variant;
      return async () => {
        await stage.sender.packet('tap0', ring + 40, 100);
        await stage.reader.read('tap0.0', Math.floor(0.4 * ring));
        await stage.send('tap0');
      };
    },
  },
  {
    name: 'flow control at work',
    nearMissOf: 'backpressure-stall',
    ...drawn(['tap', 'tun'], [100, 200], [300, 400]),
    only: BACKPRESSURE,
    prepare: async (stage) => {
      await stopping(stage);
      await stage.take('tap0.0', 1.5 * stage.variant.rate);
      return () => stage.send('tap0', { lump: 250 });
    },
  },
  {
    name: 'a program that does not know flow control opens the device',
    faults: [
      {
        device: 'tap0',
        rule: 'backpressure-lost',
        may: ['ring-full-burst', 'qdisc-decorative', 'self-inflicted'],
        holds: (_, { flowControlLost = 0 }) => flowControlLost > 0,
      },
    ],
    ...drawn(['tap', 'tun'], [100, 200], [300, 400]),
    only: BACKPRESSURE,
    prepare: async (stage) => {
      await stopping(stage);
      await stage.take('tap0.0', 1000);
      await stage.send('tap0', { lump: 30 });
      return async () => {
        await stage.halt('tap0.0');
        await stage.reader.close('tap0.0');
        await stage.reader.open('tap0.0', 'tap0', kindOf(stage), 'persist');
        await stage.take('tap0.0', 1000);
      };
    },
  },
  {
    name: 'a program that knows flow control opens the device again',
    nearMissOf: 'backpressure-lost',
    ...drawn(['tap', 'tun'], [100, 200], [300, 400]),
    only: BACKPRESSURE,
    prepare: async (stage) => {
      await stopping(stage);
      await stage.take('tap0.0', 1000);
      return async () => {
        await stage.halt('tap0.0');
        await stage.reader.close('tap0.0');
        await wait(500);
        await stage.reader.open('tap0.0', 'tap0', kindOf(stage), 'persist', 'backpressure');
        await stage.take('tap0.0', 1000);
        await stage.send('tap0', { lump: 30 });
      };
    },
  },
];

function kindOf({ variant }: Stage): 'tap' | 'tun' {
  return variant.reader === 'tun' ? 'tun' : 'tap';
}

const failedOf = ({ uncounted }: Device): number => uncounted.find(({ cause }) => cause === 'failed')?.packets ?? 0;

function isStopped(_: Device, { queues }: Device): boolean {
  return queues.some(({ flow }) => flow?.stoppedForSeconds !== undefined);
}
