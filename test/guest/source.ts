// SPDX-License-Identifier: Apache-2.0
// Where a scenario's packets come from: pktgen, or packet sockets where its packets must not be shared and it knows no others.
import { setTimeout as wait } from 'node:timers/promises';
import type { NamespaceLab } from '../host/netns.ts';
import { pktgenIn } from '../host/pktgen-threads.ts';
import type { TestReader } from '../test-reader/test-reader.ts';

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
