// SPDX-License-Identifier: Apache-2.0
// Real traffic through a program, and how much of it arrived.
import { setTimeout as wait } from 'node:timers/promises';
import { at, parseJson } from '../../test/host/checked-json.ts';
import type { NamespaceLab } from '../../test/host/netns.ts';
import { slowness } from '../../test/host/slowness.ts';
import { succeeds } from '../../test/host/until.ts';
import type { Stage } from './places.ts';
import type { Running } from './program.ts';

/** Handshakes, key generation, a booting guest; on a busy machine. */
const COMES_WITHIN_MS = 90_000;
/** In a VM an emulated QEMU emulates the guest: a run may take so many times as long as on the host. */
const MOST_TIMES = 8;
export const SINK_PORT = 9009;
/** Takes TCP connections, and reads them to their end. */
export const SINK_TCP_PORT = 9010;
/** Bytes of a datagram, and of what IP and UDP put before it. */
const SIZE = 500;
const HEADERS = 28;

/** Waits until packets pass; throws with what the program said. */
export async function answers(from: NamespaceLab, address: string, said: () => string): Promise<void> {
  const began = performance.now();
  for (
    let times = 1;
    times <= MOST_TIMES;
    times = Math.min(MOST_TIMES, await slowness()) > times ? times + 1 : Infinity
  )
    while (performance.now() < began + times * COMES_WITHIN_MS) {
      if (await reaches(from, address)) return;
      await wait(200);
    }
  throw new Error(`${address} does not answer. The program said:\n${said().slice(-2000)}`);
}

/** Some user-mode networks pass no ICMP. */
async function reaches(from: NamespaceLab, address: string): Promise<boolean> {
  const connect = ['socat', '-u', 'OPEN:/dev/null', `TCP4:${address}:${SINK_TCP_PORT},connect-timeout=1`];
  for (const [file = '', ...words] of [['ping', '-q', '-c1', '-W1', address], connect]) {
    if (await succeeds(from.exec(file, ...words))) return true;
  }
  return false;
}

/** What comes to SINK_PORT is read and thrown away, so that no ICMP error answers it; iperf3 serves beside it. */
export function serveTraffic(stage: Stage, lab: NamespaceLab): void {
  stage.start(lab, ...UDP_SINK);
  stage.start(lab, 'socat', '-u', `TCP4-LISTEN:${SINK_TCP_PORT},fork,reuseaddr`, 'OPEN:/dev/null');
  stage.start(lab, 'iperf3', '-s');
}

interface TcpRun {
  readonly bits: number;
  /** Bytes that iperf3's receiver had, without headers. */
  readonly received: number;
}

/** Packets, as iperf3's sender and its receiver counted them. */
interface UdpRun {
  readonly sent: number;
  readonly received: number;
}

interface TcpOptions {
  readonly seconds: number;
  readonly streams?: number;
  /** The far side sends. */
  readonly reverse?: boolean;
  /** Bits per second of each stream; undefined: all that goes. */
  readonly rate?: number;
}

const TCP_TRIES = 4;

/** iperf3 from `near`, whose server listens beyond. That of a slow guest may still be busy with the run before. */
export async function tcp({ beyond }: Running, near: NamespaceLab, options: TcpOptions): Promise<TcpRun> {
  const { seconds, streams = 1, reverse = false, rate = 0 } = options;
  const words = ['-c', beyond, '-t', String(seconds), '-P', String(streams), '-b', String(rate), '-J'];
  const more = reverse ? ['-R'] : [];
  let text = '';
  for (let left = TCP_TRIES; left > 0; left--) {
    // Its exit status says no more than its answer.
    text = await near.exec('sh', '-c', 'iperf3 "$@" || :', 'sh', ...words, '--connect-timeout', '5000', ...more);
    const [bits, received] = ['bits_per_second', 'bytes'].map((name) =>
      at(parseJson(text), 'end', 'sum_received', name),
    );
    if (typeof bits === 'number' && typeof received === 'number') return { bits, received };
    await wait(3000);
  }
  throw new Error(`iperf3 to ${beyond}: ${String(at(parseJson(text), 'error'))}`);
}

/** The same with datagrams. undefined: iperf3 says nothing of what its receiver counted, as where the program passes none of its answers. */
export async function udp({ beyond }: Running, near: NamespaceLab, perSecond: number): Promise<UdpRun | undefined> {
  const words = ['-c', beyond, '-u', '-l', String(SIZE), '-b', String(8 * SIZE * perSecond), '-t', '2', '-J'];
  const text = await near.exec('sh', '-c', 'iperf3 "$@" || :', 'sh', ...words, '--connect-timeout', '5000');
  const end = (sum: string, name: string): unknown => at(parseJson(text), 'end', sum, name);
  const [sent, seen, lost] = [
    end('sum_sent', 'packets'),
    end('sum_received', 'packets'),
    end('sum_received', 'lost_packets'),
  ];
  if (typeof sent !== 'number' || typeof seen !== 'number' || typeof lost !== 'number') return undefined;
  return { sent, received: seen - lost };
}

/**
 * Datagrams of SIZE that came to SINK_PORT, counted by a rule of the firewall: what lies outside of a tunnel is not among them. A program
 * may have put several into one packet (GRO), which then has one header.
 */
export async function arrivals(lab: NamespaceLab): Promise<() => Promise<number>> {
  const rule = `udp dport ${SINK_PORT} counter`;
  const chain = 'add chain ip arrived in { type filter hook input priority 0; }';
  await lab.exec('nft', `add table ip arrived; ${chain}; add rule ip arrived in ${rule}`);
  return async () => {
    const text = await lab.exec('nft', 'list', 'chain', 'ip', 'arrived', 'in');
    const [, packets, bytes] = /packets (\d+) bytes (\d+)/.exec(text) ?? [];
    return (Number(bytes) - Number(packets) * HEADERS) / SIZE;
  };
}

export const UDP_SINK: readonly string[] = ['socat', '-u', `UDP4-RECV:${SINK_PORT},rcvbuf=8000000`, 'OPEN:/dev/null'];

export interface Flow {
  readonly pid: number;
  /** Ends it; answers how many datagrams were sent. */
  stop(): Promise<number>;
}

const PERIOD_MS = 50;

/** Datagrams of `size` bytes by the kernel's own way: route, firewall, qdisc. `lump`: as many at once, however many a second. */
export async function flow(from: NamespaceLab, to: string, perSecond: number, size = SIZE, lump = 1): Promise<Flow> {
  const sender = await from.testReader();
  // What a busy machine could not send in time is not made up for at once: that would be a burst.
  const most = Math.max(lump, Math.ceil((2 * PERIOD_MS * perSecond) / 1000));
  const began = performance.now();
  let [sent, skipped, over] = [0, 0, false];
  const work = (async () => {
    for (; !over; await wait(PERIOD_MS)) {
      const due = Math.floor(((performance.now() - began) / 1000) * perSecond) - sent - skipped;
      if (due < lump) continue;
      skipped += Math.max(0, due - most);
      const { tried, errors } = await sender.udp(to, SINK_PORT, Math.min(due, most), size);
      // An ICMP error of an earlier datagram came instead of sending this one.
      sent += tried - (errors.ECONNREFUSED ?? 0);
    }
  })();
  return {
    pid: sender.pid,
    stop: async () => {
      over = true;
      await work;
      await sender.quit();
      return sent;
    },
  };
}

/** Datagrams one after the other, as many as `perSecond` allows; answers how many were sent. */
export async function sendExactly(from: NamespaceLab, to: string, count: number, perSecond: number): Promise<number> {
  const sender = await from.testReader();
  const lump = Math.max(1, Math.round((perSecond * 10) / 1000));
  let sent = 0;
  const began = performance.now();
  while (sent < count) {
    sent += (await sender.udp(to, SINK_PORT, Math.min(lump, count - sent), SIZE)).sent;
    await wait(Math.max(0, began + (1000 * sent) / perSecond - performance.now()));
  }
  await sender.quit();
  return sent;
}
