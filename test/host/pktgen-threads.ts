// SPDX-License-Identifier: Apache-2.0
// The kernel's packet generator in a lab's namespace: one thread for each CPU, full speed, exact counts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import {
  addGenerators,
  addProbe,
  isRunning,
  knowsSharing,
  type PktgenCounts,
  type PktgenOptions,
  pktgenCounts,
  removeGenerators,
} from '../../bench/pktgen.ts';
import { inside, type NamespaceLab } from './netns.ts';

/** One device's generators. */
interface Pktgen {
  /** Resolves when every thread runs. */
  start(): Promise<void>;
  /** The counts of the current run, or of the last one. */
  result(): PktgenCounts;
  /** Resolves when that many packets were tried, sofar + errors. */
  tried(packets: number): Promise<void>;
  /** Resolves when every thread has stopped and let go of its last packet. */
  stop(): Promise<PktgenCounts>;
}

interface PktgenLab {
  /** Whether this kernel's pktgen can send packets that only the receiver holds: Linux 6.5. */
  canUnshare(device: string): Promise<boolean>;
  /** The device's generators go with it. */
  add(options: PktgenOptions): Pktgen;
}

const NOTICED_WITHIN_MS = 20_000;
const RUN_LIMIT_MS = 120_000;

export async function pktgenIn(lab: NamespaceLab): Promise<PktgenLab> {
  const { pid, tell } = await shellInside(lab);
  await letOthersPass();
  const directory = `/proc/${pid}/net/pktgen`;
  return {
    canUnshare: async (device) => {
      const file = addProbe(directory, device);
      const can = knowsSharing(file);
      removeGenerators(directory, 0);
      // The thread removes the device later: a device that is added before that would go too.
      await until('forget a device', NOTICED_WITHIN_MS, () => !existsSync(file));
      return can;
    },
    add: (options) => pktgen(addGenerators(directory, options), tell),
  };
}

function pktgen(files: readonly string[], tell: (word: string) => void): Pktgen {
  const result = (): PktgenCounts => pktgenCounts(files);
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

/**
 * pktgen's threads never sleep: beside one on each CPU, what watches and counts would get its share only after many
 * seconds. Every network namespace has threads of its own, and nothing tells which namespace a thread belongs to.
 */
async function letOthersPass(): Promise<void> {
  for (const id of await readdir('/proc')) {
    const name = await readFile(`/proc/${id}/comm`, 'utf8').catch(() => '');
    if (name.startsWith('kpktgend_')) lower(Number(id));
  }
}

function lower(thread: number): void {
  try {
    setPriority(thread, constants.priority.PRIORITY_LOW);
  } catch {
    // The thread ended with the namespace of the test before.
  }
}

/** pktgen's files can be reached through any process of the namespace, but it starts and stops only for one inside. */
async function shellInside(lab: NamespaceLab): Promise<{ pid: number; tell: (word: string) => void }> {
  const shell = spawn('nsenter', [...inside(lab.name), 'sh'], { stdio: ['pipe', 'pipe', 'inherit'] });
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

async function until(what: string, limitMs: number, done: () => boolean): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!done()) {
    if (performance.now() > deadline) throw new Error(`pktgen did not ${what} within ${limitMs} ms.`);
    await wait(20);
  }
}
