// SPDX-License-Identifier: Apache-2.0
// One tap under full load, and the truth about it: what the sender, the readers, `ip -s link` and `tc -s` counted.
import { setTimeout as wait } from 'node:timers/promises';
import { namesOf } from '../host/checked-json.ts';
import type { QdiscCounters } from '../host/counters.ts';
import type { NamespaceLab } from '../host/netns.ts';
import { pktgenIn } from '../host/pktgen-threads.ts';
import type { QueueFlag, TestReader } from '../test-reader/test-reader.ts';

export interface Scenario extends Omit<SourceOptions, 'device'> {
  readonly life: LifeName;
}

/** Packets. */
export interface Truth extends Sent {
  /** Packets that the readers read, by queue. */
  readonly read: Readonly<Record<string, number>>;
  readonly failed: number;
  /** What the qdisc gave to the device; undefined: there was none. */
  readonly passed: number | undefined;
  readonly droppedByQdisc: number;
  /** Counters of `ip -s link`. */
  readonly txPackets: number;
  readonly txDropped: number;
}

/** Runs until the device is at rest. `halfway` is called while packets move. */
export async function play(lab: NamespaceLab, scenario: Scenario, halfway: () => Promise<void>): Promise<Truth> {
  const life: Life = LIVES[scenario.life];
  const stage = await setUp(lab, scenario, life);
  const source = await sourceOf(lab, { device: DEVICE, ...scenario });
  if (source.steers && scenario.queues > 1) await stage.testReader.steer('q0', true);
  await life.before?.(stage);
  if (life.rate !== undefined) for (const id of stage.queues) await stage.testReader.readLoop(id, life.rate);
  await source.start();
  await source.tried(source.packets / 2);
  await life.during?.(stage);
  await halfway();
  await source.tried(source.packets);
  const sent = await source.stop();
  const qdisc = scenario.path === 'fq_codel' ? await qdiscAtRest(lab, scenario.path) : undefined;
  await stopReading(stage, life);
  const link = await lab.link(DEVICE);
  await life.after?.(stage);
  const { read, failed } = stage;
  const { sentPackets: passed, dropped: droppedByQdisc = 0 } = qdisc ?? {};
  return { ...sent, read, failed, passed, droppedByQdisc, txPackets: link.txPackets, txDropped: link.txDropped };
}

async function setUp(lab: NamespaceLab, { path, queues }: Scenario, { flags = [] }: Life): Promise<Stage> {
  const testReader = await lab.testReader();
  const ids = Array.from({ length: queues }, (_, index) => `q${index}`);
  const multi = queues > 1 ? (['mq'] as const) : [];
  for (const id of ids) await testReader.open(id, DEVICE, 'tap', 'persist', ...multi, ...flags);
  await lab.ip(`link set dev ${DEVICE} txqueuelen ${RING} up`);
  if (path !== 'start_xmit') await lab.tc(`qdisc replace dev ${DEVICE} root ${path}`);
  return { lab, testReader, queues: ids, read: Object.fromEntries(ids.map((_, index) => [index, 0])), failed: 0 };
}

/** What lies in the qdisc is on its way: tun takes or drops everything at once. */
async function qdiscAtRest(lab: NamespaceLab, kind: string): Promise<QdiscCounters> {
  for (let before = ''; ; ) {
    const qdisc = (await lab.qdisc(DEVICE)).find((one) => one.kind === kind);
    const now = JSON.stringify(qdisc);
    if (qdisc?.backlogPackets === 0 && now === before) return qdisc;
    before = now;
  }
}

async function stopReading({ testReader, queues, read }: Stage, { rate, rest }: Life): Promise<void> {
  if (rate === undefined) return;
  for (const [index, id] of queues.entries()) {
    const looped = await testReader.stop(id);
    const left = rest === 'waiting' ? 0 : (await testReader.read(id, 'all')).packets;
    read[index] = (read[index] ?? 0) + looped.packets + left;
  }
}

export const DEVICE = 'tap0';

interface Stage {
  readonly lab: NamespaceLab;
  /** Holds the queues. */
  readonly testReader: TestReader;
  readonly queues: readonly string[];
  /** Packets that the readers have counted so far, by queue. */
  readonly read: Record<string, number>;
  failed: number;
}

interface Life {
  /** Where packets are in the end that entered a ring and were not read. */
  readonly rest: 'nowhere' | 'waiting' | 'purged' | 'resized';
  /** Packets per second of each queue's reader, 0: all; undefined: no reader. */
  readonly rate?: number;
  readonly flags?: readonly QueueFlag[];
  readonly before?: (stage: Stage) => Promise<void>;
  /** While packets come, and the rings of slow readers are full. */
  readonly during?: (stage: Stage) => Promise<void>;
  readonly after?: (stage: Stage) => Promise<void>;
}

const RING = 500;
const SLOW = 2000;

export const LIVES = {
  'fast readers': { rest: 'nowhere', rate: 0 },
  'slow readers': { rest: 'waiting', rate: SLOW },
  'readers on one CPU': { rest: 'nowhere', rate: 0, before: pinReaders },
  'a close with full rings': { rest: 'purged', after: closeAll },
  'failing reads': { rest: 'waiting', flags: ['vnet'], during: readBadly },
  'a shrinking txqueuelen': { rest: 'resized', rate: SLOW, during: (stage) => resize(stage, RING / 5) },
  'a growing txqueuelen': { rest: 'nowhere', rate: SLOW, during: (stage) => resize(stage, RING * 2) },
  'queues detached and attached': { rest: 'purged', rate: SLOW, during: detachSome },
} as const satisfies Readonly<Record<string, Life>>;

export type LifeName = keyof typeof LIVES;

export const LIFE_NAMES: readonly LifeName[] = namesOf(LIVES);

async function pinReaders({ lab, testReader }: Stage): Promise<void> {
  await lab.exec('taskset', '-a', '-p', '-c', '1', String(testReader.pid));
}

async function closeAll({ testReader, queues }: Stage): Promise<void> {
  for (const id of queues) await testReader.close(id);
}

async function readBadly(stage: Stage): Promise<void> {
  for (const [index, id] of stage.queues.entries()) {
    const { packets, errors } = await stage.testReader.readBad(id, 7);
    if (packets > 0) throw new Error(`${packets} packets were read into a buffer that does not exist.`);
    stage.failed += errors.EFAULT ?? 0;
    stage.read[index] = (await stage.testReader.read(id, 20)).packets;
  }
}

async function resize({ lab }: Stage, ring: number): Promise<void> {
  await lab.ip(`link set dev ${DEVICE} txqueuelen ${ring}`);
}

/** The last queue takes the index of one that leaves; one that comes back is the last. */
async function detachSome({ testReader, queues }: Stage): Promise<void> {
  for (const id of queues.slice(1, 3)) {
    await testReader.detach(id);
    await wait(30);
    await testReader.attach(id);
  }
}

export interface SourceOptions {
  readonly device: string;
  /** start_xmit goes around the qdisc and around what watches the way to it. */
  readonly path: 'start_xmit' | 'noqueue' | 'fq_codel';
  readonly skb: 'shared' | 'unshared';
  readonly threads: number;
  readonly queues: number;
}

export interface Sent {
  /** Packets that were handed to the device or its qdisc. */
  readonly tried: number;
  /** Tried packets that the sender was told are lost. */
  readonly refused: number;
}

interface Source {
  /** The source may end after so many packets. */
  readonly packets: number;
  /** It names the queue of each packet, for the device's steering program. */
  readonly steers: boolean;
  start(): Promise<void>;
  tried(packets: number): Promise<void>;
  stop(): Promise<Sent>;
}

/** Eight scenarios are a million, on 6.1 too, where those of half of them come from sockets. */
const PKTGEN_PACKETS = { shared: 260_000, unshared: 60_000 };
const SOCKET_PACKETS = 8_000;
const BURST = 250;

export async function sourceOf(lab: NamespaceLab, options: SourceOptions): Promise<Source> {
  const generators = await pktgenIn(lab);
  const { device, path, skb, threads, queues } = options;
  if (skb === 'unshared' && !(await generators.canUnshare(device))) return socketSource(lab, options);
  const mode = path === 'start_xmit' ? 'start_xmit' : 'queue_xmit';
  const generator = generators.add({ device, threads, queues, mode, shared: skb === 'shared' });
  return {
    packets: PKTGEN_PACKETS[skb],
    steers: false,
    start: () => generator.start(),
    tried: (packets) => generator.tried(packets),
    stop: async () => {
      const { sofar, errors } = await generator.stop();
      return { tried: sofar + errors, refused: errors };
    },
  };
}

/** A source of packet sockets, with one process for each thread. */
async function socketSource(lab: NamespaceLab, options: SourceOptions): Promise<Source> {
  const senders = await Promise.all(Array.from({ length: options.threads }, () => lab.testReader()));
  const sent = { tried: 0, refused: 0, going: true };
  let work: Promise<unknown> = Promise.resolve();
  return {
    packets: SOCKET_PACKETS,
    steers: true,
    start: async () => {
      work = Promise.all(senders.map((sender) => sendOn(sender, options, sent)));
    },
    tried: async (packets) => {
      while (sent.tried < packets) await Promise.race([wait(20), work]);
    },
    stop: async () => {
      sent.going = false;
      await work;
      return sent;
    },
  };
}

async function sendOn(
  sender: TestReader,
  { device, path, queues }: SourceOptions,
  sum: { tried: number; refused: number; readonly going: boolean },
): Promise<void> {
  for (let burst = 0; sum.going; burst++) {
    const bypass = path === 'start_xmit';
    const { sent, errors } = await sender.packet(device, BURST, 60, { bypass, queue: burst % queues });
    // EAGAIN: the sender's own buffer is full, and nothing was sent.
    const { ENOBUFS: refused = 0, EAGAIN, ...others } = errors;
    if (Object.keys(others).length > 0) throw new Error(`Sending failed: ${JSON.stringify(others)}.`);
    sum.tried += sent + refused;
    sum.refused += refused;
  }
}
