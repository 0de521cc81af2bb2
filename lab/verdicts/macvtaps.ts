// SPDX-License-Identifier: Apache-2.0
// macvtaps, whose readers are not sampled.
import type { Device } from '../../src/snapshot/device.ts';
import { drawn, type Entry } from './scenario.ts';
import type { Stage } from './setup.ts';

const QUEUE = 'vtap0.0';

/** Frames that come in by ve0 are for vtap0. */
async function macvtap({ lab, reader, variant }: Stage): Promise<void> {
  await lab.ipBatch([
    'link add ve0 type veth peer name ve1',
    'link set ve0 up',
    'link set ve1 up address 02:00:00:00:00:02',
    'link add link ve1 name vtap0 address 02:00:00:00:00:01 type macvtap mode bridge',
    `link set vtap0 txqueuelen ${variant.ring} up`,
  ]);
  await reader.open(QUEUE, 'vtap0', 'macvtap');
}

/** Its guest sends 400 packets a second. */
async function talking(stage: Stage): Promise<void> {
  await macvtap(stage);
  await stage.take(QUEUE, 0);
  stage.often(50, () => stage.reader.write(QUEUE, 20, 100));
}

const refusedBy = ({ macvtap: seen }: Device): number => seen?.refused ?? 0;

const lostOf = ({ macvtap: seen }: Device): number =>
  (seen?.dropped ?? []).reduce((sum, { packets }) => sum + packets, 0);

/** What waits in the ring still counts for its sender's buffer: of more than 256 the ring would not overflow. */
const variants = drawn(['tap'], [50, 100], [200, 400]);

export const MACVTAPS: readonly Entry[] = [
  {
    name: 'a macvtap that nobody reads',
    faults: [{ device: 'vtap0', rule: 'ring-full-unexplained', holds: (before, now) => lostOf(now) > lostOf(before) }],
    ...variants,
    setUp: (stage) => macvtap(stage),
    begin: (stage) => stage.send('ve0', { unicast: true }),
  },
  {
    name: 'a macvtap that is read',
    nearMissOf: 'ring-full-unexplained',
    ...variants,
    prepare: async (stage) => {
      await macvtap(stage);
      await stage.take(QUEUE, 0);
      return () => stage.send('ve0', { unicast: true });
    },
  },
  {
    name: 'a macvtap whose guest sends more than the device below takes',
    faults: [{ device: 'vtap0', rule: 'lower-refuses', holds: (before, now) => refusedBy(now) > refusedBy(before) }],
    ...variants,
    setUp: talking,
    begin: ({ lab }) => lab.tc('qdisc replace dev ve1 root tbf rate 8kbit burst 2000 limit 2000'),
  },
  {
    name: 'a macvtap whose guest sends',
    nearMissOf: 'lower-refuses',
    ...variants,
    setUp: talking,
    begin: async () => undefined,
  },
];
