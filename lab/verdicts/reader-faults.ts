// SPDX-License-Identifier: Apache-2.0
// Faults of the reader: it reads too slowly, not at all, or as well as it should.
import { setTimeout as wait } from 'node:timers/promises';
import { limitedCgroup } from '../../test/host/cgroup.ts';
import { drawn, type Entry, ringOverflows, type Scenario } from './scenario.ts';
import type { Stage } from './setup.ts';

/** A reader that takes all there is, on a CPU of its own. */
async function readAll(stage: Stage, work = 0): Promise<void> {
  await stage.open('tap0');
  await stage.take('tap0.0', 0, { work });
  await stage.pin();
}

const contested = { readers: ['tap', 'tun', 'vhost'], rings: [100, 300], rates: [1500, 2500], alone: true } as const;

export const READERS: readonly Entry[] = [
  {
    name: 'a reader that needs more time for a packet than there is',
    faults: [{ device: 'tap0', rule: 'reader-cpu-bound', holds: ringOverflows }],
    ...drawn(['tap', 'tun'], [100, 300], [1500, 2500]),
    alone: true,
    setUp: (stage) => readAll(stage, 1000),
    begin: (stage) => stage.send('tap0'),
  },
  {
    name: 'a reader that computes most of the time and keeps up',
    nearMissOf: 'reader-cpu-bound',
    ...drawn(['tap', 'tun'], [500], [500]),
    alone: true,
    setUp: (stage) => readAll(stage, 1200),
    begin: (stage) => stage.send('tap0'),
  },
  {
    name: 'another program has the reader’s CPU',
    faults: [{ device: 'tap0', rule: 'reader-starved', holds: ringOverflows }],
    ...contested,
    prepare: async (stage) => {
      await readAll(stage);
      await stage.send('tap0');
      return () => stage.hog('chrt', '-f', '50');
    },
  },
  {
    name: 'the reader’s CPU time is used up',
    faults: [{ device: 'tap0', rule: 'reader-starved', holds: ringOverflows }],
    ...drawn(['tap', 'tun'], [100, 300], [1500, 2500]),
    alone: true,
    prepare: async (stage) => {
      await readAll(stage, 100);
      await stage.send('tap0');
      return async () => limitedCgroup(stage.lab, stage.reader.pid, 'cpu');
    },
  },
  {
    name: 'another program has only what the reader leaves',
    nearMissOf: 'reader-starved',
    ...drawn(['tap', 'tun', 'vhost'], [500], [300, 600]),
    alone: true,
    prepare: async (stage) => {
      await readAll(stage);
      await stage.send('tap0');
      return () => stage.hog('chrt', '-i', '0');
    },
  },
  {
    name: 'a stopped reader',
    faults: [{ device: 'tap0', rule: 'reader-stalled', holds: ringOverflows }],
    ...drawn(['tap', 'tun', 'vhost'], [100, 300], [200, 400]),
    setUp: (stage) => stage.flow(),
    begin: async (stage) => stage.reader.signal('SIGSTOP'),
  },
  {
    name: 'a reader that never reads',
    faults: [{ device: 'tap0', rule: 'reader-stalled', holds: ringOverflows }],
    ...drawn(['tap', 'tun'], [100, 300], [200, 400]),
    setUp: (stage) => stage.open('tap0'),
    begin: (stage) => stage.send('tap0'),
  },
  {
    name: 'a guest that posts no buffers any more',
    faults: [{ device: 'tap0', rule: 'reader-stalled', holds: ringOverflows }],
    ...drawn(['vhost'], [100, 300], [200, 400]),
    setUp: (stage) => stage.flow(),
    begin: (stage) => stage.halt('tap0.0'),
  },
  {
    name: 'a guest that posts too few buffers',
    faults: [{ device: 'tap0', rule: 'guest-not-refilling', holds: ringOverflows }],
    ...drawn(['vhost'], [100, 300], [600, 900]),
    prepare: takingAt(0.4),
  },
  {
    name: 'a guest that posts too few buffers, in lumps',
    faults: [{ device: 'tap0', rule: 'guest-not-refilling', holds: ringOverflows }],
    ...drawn(['vhost'], [100, 300], [600, 900]),
    prepare: takingAt(0.5, { lump: 100 }),
  },
  {
    name: 'a guest that posts just enough buffers',
    nearMissOf: 'guest-not-refilling',
    ...drawn(['vhost'], [300, 500], [600, 900]),
    prepare: takingAt(1.2),
  },
  {
    name: 'a program that sleeps between packets',
    faults: [{ device: 'tap0', rule: 'reader-blocked', holds: ringOverflows }],
    ...drawn(['tap', 'tun'], [100, 300], [600, 900]),
    prepare: takingAt(0.4),
  },
  {
    name: 'a program that sleeps between packets, and long enough a ring',
    nearMissOf: 'reader-blocked',
    ...drawn(['tap', 'tun'], [300], [600, 900]),
    prepare: takingAt(1.3, {}, { lump: 100 }),
  },
  {
    name: 'bulk load at 95 % of the reader’s rate',
    nearMissOf: 'reader-cpu-bound',
    ...drawn(['tap', 'tun', 'vhost'], [500, 1000], [570, 950]),
    prepare: takingAt(1 / 0.95),
  },
  {
    name: 'a pause like a migration’s',
    nearMissOf: 'reader-stalled',
    ...drawn(['tap', 'tun', 'vhost'], [1000], [100, 200]),
    prepare: (stage) => pausing(stage, 3000),
  },
  {
    name: 'a pause of a second, for which the ring is too short',
    nearMissOf: 'reader-stalled',
    ...drawn(['tap', 'tun', 'vhost'], [100], [300, 400]),
    prepare: (stage) => pausing(stage, 900),
  },
  {
    name: 'a VM that boots',
    nearMissOf: 'reader-stalled',
    ...drawn(['vhost'], [1000], [20, 50]),
    prepare: async (stage) => {
      await stage.open('tap0');
      return async () => {
        await stage.send('tap0');
        await wait(6000);
        await stage.take('tap0.0', 0);
      };
    },
  },
  {
    name: 'broadcast noise to an idle guest',
    nearMissOf: 'reader-stalled',
    ...drawn(['vhost', 'tap'], [20], [2, 4]),
    prepare: async (stage) => {
      await stage.open('tap0');
      await stage.sender.packet('tap0', 20 + 64, 100); // it has been there for long
      return () => stage.send('tap0');
    },
  },
];

/** A reader that is stopped for so long, once. */
async function pausing(stage: Stage, milliseconds: number): Promise<() => Promise<void>> {
  await stage.flow();
  return async () => {
    stage.reader.signal('SIGSTOP');
    await wait(milliseconds);
    stage.reader.signal('SIGCONT');
  };
}

/** A reader that takes this share of what is sent to it, in which way. */
function takingAt(
  share: number,
  taken: Parameters<Stage['take']>[2] = {},
  sent: Parameters<Stage['send']>[1] = {},
): Scenario['prepare'] {
  return async (stage) => {
    await stage.open('tap0');
    await stage.take('tap0.0', share * stage.variant.rate, taken);
    return () => stage.send('tap0', sent);
  };
}
