// SPDX-License-Identifier: Apache-2.0
// The kernel's packet generator in a lab's namespace: one thread for each CPU, full speed, exact counts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import type { NamespaceLab } from './netns.ts';

export interface PktgenOptions {
  readonly device: string;
  /** Thread n runs on CPU n. */
  readonly threads: number;
  /** Transmit queues that get packets, from 0 on. */
  readonly queues: number;
  /** start_xmit calls the device's transmit function itself, around the qdisc and what watches the way to it. */
  readonly mode: 'start_xmit' | 'queue_xmit';
  /** pktgen keeps a reference to each packet until it makes the next, so that its drop cannot be traced. false: Linux 6.5. */
  readonly shared: boolean;
  readonly size?: number;
}

/** Sums over all threads. */
export interface PktgenResult {
  readonly sofar: number;
  readonly errors: number;
}

/** One device's generators. */
export interface Pktgen {
  /** Resolves when every thread runs. */
  start(): Promise<void>;
  /** Of the run that goes on, or of the last one. */
  result(): PktgenResult;
  /** Resolves when that many packets were tried, sofar + errors. */
  tried(packets: number): Promise<void>;
  /** Resolves when every thread has stopped and let go of its last packet. */
  stop(): Promise<PktgenResult>;
}

export interface PktgenLab {
  /** Whether this kernel's pktgen can send packets that nobody but the receiver holds: Linux 6.5. */
  canUnshare(device: string): Promise<boolean>;
  /** The device's generators go with it. */
  add(options: PktgenOptions): Pktgen;
}

const NOTICED_WITHIN_MS = 20_000;
const RUN_LIMIT_MS = 120_000;

export async function pktgenIn(lab: NamespaceLab): Promise<PktgenLab> {
  const { pid, tell } = await shellInside(lab);
  const directory = `/proc/${pid}/net/pktgen`;
  return {
    canUnshare: async (device) => {
      write(`${directory}/kpktgend_0`, `add_device ${device}`);
      const can = isShared(`${directory}/${device}`);
      write(`${directory}/kpktgend_0`, 'rem_device_all');
      // The thread does it when it comes to it: what was added before that would go too.
      await until('forget a device', NOTICED_WITHIN_MS, () => !existsSync(`${directory}/${device}`));
      return can;
    },
    add: (options) => {
      const files = Array.from({ length: options.threads }, (_, cpu) => {
        write(`${directory}/kpktgend_${cpu}`, `add_device ${options.device}@${cpu}`);
        return `${directory}/${options.device}@${cpu}`;
      });
      for (const file of files) configure(file, options);
      return pktgen(files, tell);
    },
  };
}

function pktgen(files: readonly string[], tell: (word: string) => void): Pktgen {
  const result = (): PktgenResult => sumOf(files);
  const running = (): number => files.filter(isRunning).length;
  return {
    start: async () => {
      tell('start');
      await until('start', NOTICED_WITHIN_MS, () => running() === files.length);
    },
    result,
    tried: (packets) =>
      until(`try ${packets} packets`, RUN_LIMIT_MS, () => result().sofar + result().errors >= packets),
    stop: async () => {
      tell('stop');
      await until('stop', NOTICED_WITHIN_MS, () => running() === 0);
      return result();
    },
  };
}

/** pktgen's files can be reached through any process of the namespace, but it starts and stops only for one inside. */
async function shellInside(lab: NamespaceLab): Promise<{ pid: number; tell: (word: string) => void }> {
  const shell = spawn('ip', ['netns', 'exec', lab.name, 'sh'], { stdio: ['pipe', 'pipe', 'inherit'] });
  // Writing "start" returns when the run has ended.
  const tell = (word: string): void => void shell.stdin.write(`echo ${word} >/proc/net/pktgen/pgctrl &\n`);
  lab.after(async () => {
    const gone = once(shell, 'exit');
    tell('stop');
    shell.stdin.end('wait\n');
    await gone;
  });
  const lines = createInterface({ input: shell.stdout });
  shell.stdin.write('echo inside\n');
  await once(lines, 'line');
  return { pid: shell.pid ?? 0, tell };
}

function configure(file: string, { queues, mode, shared, size = 60 }: PktgenOptions): void {
  const lines = [
    'count 0',
    'delay 0',
    'clone_skb 0',
    `pkt_size ${size}`,
    'dst 10.99.0.2',
    'dst_mac 02:00:00:00:00:01',
    // Behind the qdisc the driver chooses the queue, by the flow.
    'flag UDPSRC_RND',
    'udp_src_min 1024',
    'udp_src_max 2048',
    'queue_map_min 0',
    `queue_map_max ${queues - 1}`,
    `xmit_mode ${mode}`,
    ...(shared ? [] : ['flag !SHARED']),
  ];
  if (!shared && !isShared(file)) {
    throw new Error('pktgen of this kernel sends shared packets only: send by a socket instead.');
  }
  for (const line of lines) write(file, line);
}

function isShared(file: string): boolean {
  return /Flags:.*\bSHARED\b/.test(readFileSync(file, 'utf8'));
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

function isRunning(file: string): boolean {
  return /^Result: Starting/m.test(readFileSync(file, 'utf8'));
}

function sumOf(files: readonly string[]): PktgenResult {
  const counts = files.map((file) => /pkts-sofar: (\d+)\s+errors: (\d+)/.exec(readFileSync(file, 'utf8')));
  const sum = (part: number): number => counts.reduce((total, found) => total + Number(found?.[part]), 0);
  return { sofar: sum(1), errors: sum(2) };
}

async function until(what: string, limitMs: number, done: () => boolean): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!done()) {
    if (performance.now() > deadline) throw new Error(`pktgen did not ${what} within ${limitMs} ms.`);
    await wait(20);
  }
}
