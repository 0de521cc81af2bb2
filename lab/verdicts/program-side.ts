// SPDX-License-Identifier: Apache-2.0
// The program's side of the boundary: reads that cut packets, sockets that overflow, writes that wait for a limit.
import { setTimeout as wait } from 'node:timers/promises';
import type { Device } from '../../src/snapshot/device.ts';
import { bridgedUplink } from './behind.ts';
import { drawn, type Entry, type Fault } from './scenario.ts';
import type { Stage } from './setup.ts';

const tuns = drawn(['tun'], [500], [200, 400]);
const taps = drawn(['tap'], [500], [200, 400]);
const LONG = 4000;

/** Packets of 4 000 bytes, each read into so many. */
async function longPackets(stage: Stage, buffer: number): Promise<void> {
  await stage.take('tap0.0', 0, { buffer });
  await stage.send('tap0', { size: LONG });
}

async function raised(stage: Stage): Promise<void> {
  await stage.open('tap0');
  await stage.lab.ip('link set dev tap0 mtu 9000');
}

const PORT = 1194;
const FULL = 4096;

/** A socket that its program does not read, beside a tun that it writes to. */
async function tunnel(stage: Stage): Promise<void> {
  await stage.serve();
  await stage.reader.listen(PORT, FULL);
  await stage.talk(100);
}

const toSocket = ({ sender }: Stage): Promise<unknown> => sender.udp('127.0.0.1', PORT, 40, 200);

const dropsOf = ({ programSide }: Device): number =>
  (programSide?.sockets ?? []).reduce((sum, { drops }) => sum + drops, 0);

/** A bridge from tap0, with a limit, to a veth. */
const limited = (stage: Stage): Promise<void> => bridgedUplink(stage, () => stage.reader.sndbuf('tap0.0', 20_000));

/** A packet has left since the last write. */
const isAtLimit: Fault['holds'] = (_, { queues }) =>
  queues.some(({ send }) => send !== undefined && send.inFlight >= 0.8 * send.limit);

export const PROGRAM_SIDE: readonly Entry[] = [
  {
    name: 'packets longer than the buffer they are read into',
    faults: [
      {
        device: 'tap0',
        rule: 'short-reads',
        holds: (before, now) => (now.counters?.txBytes ?? 0) > (before.counters?.txBytes ?? 0),
      },
    ],
    ...tuns,
    setUp: raised,
    begin: (stage) => longPackets(stage, 1500),
  },
  {
    name: 'long packets that fit the buffer they are read into',
    nearMissOf: 'short-reads',
    ...tuns,
    setUp: raised,
    begin: (stage) => longPackets(stage, 9000),
  },
  {
    name: 'a socket of the program that overflows',
    faults: [{ device: 'tap0', rule: 'program-socket-full', holds: (before, now) => dropsOf(now) > dropsOf(before) }],
    ...tuns,
    setUp: tunnel,
    begin: async (stage) => stage.often(200, () => toSocket(stage)),
  },
  {
    name: 'a socket of the program that overflowed once',
    nearMissOf: 'program-socket-full',
    ...tuns,
    setUp: async (stage) => {
      await tunnel(stage);
      for (let i = 0; i < 50; i++) await toSocket(stage);
      // The agent reads sockets every few seconds, on a slow machine less often.
      await wait(10_000);
    },
    begin: async () => undefined,
  },
  {
    name: 'a send limit behind which packets wait',
    faults: [{ device: 'tap0', rule: 'send-limit', may: ['writer-refused'], holds: isAtLimit }],
    ...taps,
    setUp: limited,
    // A packet leaves in 80 ms: between two writes hardly more than one.
    begin: ({ lab }) => lab.tc('qdisc replace dev ve0 root tbf rate 100kbit burst 5000 limit 10000000'),
  },
  {
    name: 'a send limit with nothing slow behind it',
    nearMissOf: 'send-limit',
    ...taps,
    setUp: limited,
    begin: async () => undefined,
  },
];
