// SPDX-License-Identifier: Apache-2.0
// The kernel's packet generator by its files, below /proc/PID/net/pktgen of any process of its network namespace. Only start
// and stop ask who writes: they are for a process inside.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { errnoOf } from '../src/kernel/error-name.ts';

export interface PktgenOptions {
  readonly device: string;
  /** Thread n runs on CPU n. */
  readonly threads: number;
  /** Transmit queues that get packets, from 0 on. */
  readonly queues: number;
  /** Thread n sends to queue n modulo the queues, instead of to all of them in turns. */
  readonly ownQueue?: boolean;
  /** start_xmit calls the device's transmit function itself, around the qdisc and what watches the way to it. */
  readonly mode: 'start_xmit' | 'queue_xmit';
  /** pktgen keeps a reference to each packet until it makes the next, so that its drop cannot be traced. false: Linux 6.5. */
  readonly shared: boolean;
  /** The kernel's sample script that sets the same flows, timestamps and bursts. */
  readonly shape?: 'sample01' | 'sample03';
  readonly size?: number;
}

/** Sums over the generators of one device. */
export interface PktgenCounts {
  readonly sofar: number;
  readonly errors: number;
}

export function generatorFiles(directory: string, { device, threads }: PktgenOptions): readonly string[] {
  return Array.from({ length: threads }, (_, cpu) => `${directory}/${device}@${cpu}`);
}

/** Adds a generator to each thread; returns their files. The device's generators go with it. */
export function addGenerators(directory: string, options: PktgenOptions): readonly string[] {
  const files = generatorFiles(directory, options);
  for (const cpu of files.keys()) write(`${directory}/kpktgend_${cpu}`, `add_device ${options.device}@${cpu}`);
  for (const [thread, file] of files.entries()) configure(file, thread, options);
  return files;
}

/** Adds a generator without starting it, to see which options it takes. */
export function addProbe(directory: string, device: string): string {
  write(`${directory}/kpktgend_0`, `add_device ${device}`);
  return `${directory}/${device}`;
}

/** The thread forgets them when it comes to it: then their files are gone. */
export function removeGenerators(directory: string, thread: number): void {
  write(`${directory}/kpktgend_${thread}`, 'rem_device_all');
}

const FLOW_LINES = {
  // Behind the qdisc the driver chooses the queue, by the flow.
  sample01: ['flag UDPSRC_RND', 'udp_src_min 1024', 'udp_src_max 2048'],
  sample03: ['flag NO_TIMESTAMP', 'udp_src_min 9', 'udp_src_max 9'],
} as const;
const BURST = 32;
/** The kernel's ENOTSUPP has a number that Node has no name for. */
const NO_BURST = ['Unknown system error -524', 'ENOTSUP', 'EOPNOTSUPP'];

function configure(file: string, thread: number, options: PktgenOptions): void {
  const { queues, mode, shared, size = 60, ownQueue = false, shape = 'sample01' } = options;
  const [least, most] = ownQueue ? [thread % queues, thread % queues] : [0, queues - 1];
  const lines = [
    'count 0',
    'delay 0',
    'clone_skb 0',
    `pkt_size ${size}`,
    'dst 10.99.0.2',
    'dst_mac 02:00:00:00:00:01',
    ...FLOW_LINES[shape],
    `queue_map_min ${least}`,
    `queue_map_max ${most}`,
    `xmit_mode ${mode}`,
    ...(shared ? [] : ['flag !SHARED']),
  ];
  if (!shared && !knowsSharing(file)) {
    throw Object.assign(new Error('pktgen of this kernel sends shared packets only, whose drops cannot be traced'), {
      code: 'SHARED',
    });
  }
  for (const line of lines) write(file, line);
  if (shape === 'sample03') tryBurst(file);
}

/** A device without IFF_TX_SKB_SHARING, as a tap is, must not get one packet twice: then there is no burst, as with -b 0 of the sample. */
function tryBurst(file: string): void {
  try {
    writeFileSync(file, `burst ${BURST}\n`);
  } catch (error) {
    if (!NO_BURST.includes(errnoOf(error) ?? '')) throw error;
  }
}

/** Times that pktgen hands each packet to the device. */
export function burstOf(file: string): number {
  return Number(/burst: (\d+)/.exec(readFileSync(file, 'utf8'))?.[1] ?? 1);
}

/** Whether this kernel's pktgen can send packets that only the receiver holds: Linux 6.5. */
export function knowsSharing(file: string): boolean {
  return /Flags:.*\bSHARED\b/.test(readFileSync(file, 'utf8'));
}

export function isRunning(file: string): boolean {
  return /^Result: Starting/m.test(readFileSync(file, 'utf8'));
}

export function pktgenCounts(files: readonly string[]): PktgenCounts {
  const counts = files.map((file) => /pkts-sofar: (\d+)\s+errors: (\d+)/.exec(readFileSync(file, 'utf8')));
  const sum = (part: number): number => counts.reduce((total, found) => total + Number(found?.[part]), 0);
  return { sofar: sum(1), errors: sum(2) };
}

/** Seconds of the longest run among these generators, by pktgen's own clock. Call it when all have ended. */
export function pktgenSeconds(files: readonly string[]): number {
  const times = files.map((file) => /^Result: OK: (\d+)\(/m.exec(readFileSync(file, 'utf8'))?.[1]);
  return Math.max(...times.map(Number)) / 1e6;
}

/** Whether none of them is left: a device of the same name may have generators again. */
export function areGone(files: readonly string[]): boolean {
  return !files.some(existsSync);
}

/** pktgen has a thread for each CPU. */
export function hasThread(directory: string, thread: number): boolean {
  return existsSync(`${directory}/kpktgend_${thread}`);
}

/** The threads of all namespaces' generators, by thread id: each namespace has one for each CPU. */
export function generatorThreads(): ReadonlyMap<number, string> {
  return new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        const name = commOf(pid);
        return name.startsWith('kpktgend_') ? [[Number(pid), name] as const] : [];
      }),
  );
}

function commOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return ''; // it ended meanwhile
  }
}

/** Whether the module is there, in this process's own namespace as in every other. */
export function hasPktgen(): boolean {
  return existsSync('/proc/net/pktgen/pgctrl');
}

function write(file: string, line: string): void {
  try {
    writeFileSync(file, `${line}\n`);
  } catch (cause) {
    throw new Error(`pktgen refuses '${line}': is the module pktgen loaded, and the device an Ethernet one?`, {
      cause,
    });
  }
}
