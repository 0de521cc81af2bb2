// SPDX-License-Identifier: Apache-2.0
// A scenario's namespace, with its readers and senders.
import { setTimeout as wait } from 'node:timers/promises';
import { busyLoops } from '../../test/host/busy-cpus.ts';
import { type NamespaceLab, namespaceLab } from '../../test/host/netns.ts';
import { READER_CPU } from '../../test/host/reader-shares.ts';
import { workersOf } from '../../test/host/sleeper.ts';
import { talkingGuest } from '../../test/host/talking-guest.ts';
import type { QueueFlag, StreamOptions, TestReader } from '../../test/test-reader/test-reader.ts';

/** Who takes the packets: a read of a tap or of a tun, or a guest behind vhost-net. */
export type ReaderKind = 'tap' | 'tun' | 'vhost';

/** Drawn from the seed. */
export interface Variant {
  readonly kernel: string;
  readonly reader: ReaderKind;
  readonly ring: number;
  /** Packets per second. */
  readonly rate: number;
}

export interface Stage {
  readonly lab: NamespaceLab;
  readonly variant: Variant;
  readonly reader: TestReader;
  readonly sender: TestReader;
  /** Queues `DEVICE.0`, `DEVICE.1`…; the device is up, with the variant's ring. Behind vhost-net each has a guest, without buffers. */
  open(device: string, options?: OpenOptions): Promise<void>;
  /** Takes at most `perSecond` packets (0: all). A program computes after each packet; a guest has its buffers in lumps. */
  take(queue: string, perSecond: number, options?: TakeOptions): Promise<void>;
  halt(queue: string): Promise<unknown>;
  /** Sends towards the reader, at the variant's rate if none is named. */
  send(device: string, options?: StreamOptions & { readonly rate?: number; readonly size?: number }): Promise<void>;
  /** tap0, read as fast as packets come. */
  serve(options?: OpenOptions): Promise<void>;
  /** The same, and sent to. */
  flow(): Promise<void>;
  /** From now on tap0's guest sends, by default 250 packets a second, and the sender has a socket with room for all of it. */
  talk(perSecond?: number): Promise<void>;
  /** Calls it again and again until the scenario is over. */
  often(milliseconds: number, action: () => Promise<unknown>): void;
  /** The reader, or vhost-net's worker, on a CPU of its own; the sender and the guest on the other. */
  pin(): Promise<void>;
  /** Something that computes on the reader's CPU, started by the program named. */
  hog(...by: readonly string[]): Promise<void>;
}

interface TakeOptions {
  readonly work?: number;
  readonly lump?: number;
  /** Bytes that a program reads of each packet; undefined: all. */
  readonly buffer?: number;
}

interface OpenOptions {
  readonly queues?: number;
  readonly ring?: number;
  readonly flags?: readonly QueueFlag[];
}

const FRAME = 100;

export async function stageOf(t: { after(undo: () => Promise<void>): void }, variant: Variant): Promise<Stage> {
  const lab = await namespaceLab(t);
  const [reader, sender] = [await lab.testReader(), await lab.testReader()];
  const guests = variant.reader === 'vhost';
  let sends = 0;
  const stage: Stage = {
    lab,
    variant,
    reader,
    sender,
    open: async (device, { queues = 1, ring = variant.ring, flags = [] } = {}) => {
      const kind = variant.reader === 'tun' ? 'tun' : 'tap';
      const all: readonly QueueFlag[] = [
        ...flags,
        ...(guests ? (['vnet'] as const) : []),
        ...(queues > 1 ? (['mq'] as const) : []),
      ];
      for (let queue = 0; queue < queues; queue++) await reader.open(`${device}.${queue}`, device, kind, ...all);
      await lab.ip(`link set dev ${device} txqueuelen ${ring} up`);
      // Some kernels were built with another one, which then is not a choice of the operator.
      if (queues === 1 && ring > 0) await lab.tc(`qdisc replace dev ${device} root pfifo_fast`);
      if (queues > 1) await reader.steer(`${device}.0`, true);
      if (guests) for (let queue = 0; queue < queues; queue++) await reader.guest(`${device}.${queue}`);
    },
    take: (queue, perSecond, { work = 0, lump = 1, buffer } = {}) =>
      guests ? reader.receive(queue, perSecond, { lump }) : reader.readLoop(queue, perSecond, work, buffer),
    halt: (queue) => (guests ? reader.stall(queue) : reader.stop(queue)),
    send: (device, { rate = variant.rate, size = FRAME, ...options } = {}) =>
      sender.stream(`stream${sends++}`, device, rate, size, options),
    serve: async (options) => {
      await stage.open('tap0', options);
      await stage.take('tap0.0', 0);
    },
    flow: async () => {
      await stage.serve();
      await stage.send('tap0');
    },
    talk: async (perSecond = 250) => {
      const talk = await talkingGuest(lab, 'tap0', reader, sender);
      stage.often(100, () => talk('tap0.0', perSecond / 10));
    },
    often: (milliseconds, action) => {
      let over = false;
      const work = (async () => {
        for (; !over; await wait(milliseconds)) await action();
      })();
      lab.after(async () => {
        over = true;
        await work;
      });
    },
    pin: async () => {
      await lab.exec('taskset', '-a', '-p', '-c', guests ? '0' : READER_CPU, String(reader.pid));
      await lab.exec('taskset', '-a', '-p', '-c', '0', String(sender.pid));
      for (const worker of guests ? await workersOf(lab, reader) : [])
        await lab.exec('taskset', '-p', '-c', READER_CPU, String(worker));
    },
    hog: async (...by) => busyLoops(lab, 1, 'taskset', '-c', READER_CPU, ...by),
  };
  return stage;
}
