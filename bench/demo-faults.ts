// SPDX-License-Identifier: Apache-2.0
// The faults that `tapscope demo` plays, each on a tap of its own in the namespace of the traffic program.

import { FAULT_NAMES } from '../src/commands/bench.ts';
import { raise } from './own-device.ts';
import { startTraffic, type Traffic } from './traffic/traffic.ts';

type FaultName = (typeof FAULT_NAMES)[number];

export interface Fault extends Way {
  readonly name: FaultName;
}

/** How a fault is played, and what is said of it. */
interface Way {
  /** A rule that is right as well, where the host is busy. */
  readonly otherwise?: string;
  readonly device: string;
  /** One sentence: what is wrong. */
  readonly story: string;
  /** All is well, packets come, or the fault is there from the start. */
  readonly setUp: (traffic: Traffic, device: string) => Promise<void>;
  /** The fault begins while it is watched. */
  readonly begin?: (traffic: Traffic, device: string) => Promise<unknown>;
}

export interface Demo {
  /** Inode number of its namespace. */
  readonly netns: number;
  /** Plays it while `watch` runs, which says when its time has begun. */
  play<Result>(fault: Fault, watch: (begun: () => void) => Promise<Result>): Promise<Result>;
  /** Takes everything away. */
  end(): Promise<void>;
}

/** The name of the demo's reader, as the host sees it. */
const READER = 'demo-reader';
const RING = 500;
/** Packets a second. */
const USUAL_RATE = 1000;
/** Microseconds of CPU for each packet: 5 000 packets a second at most. */
const SLOW_WORK = 200;

const WAYS: Readonly<Record<FaultName, Way>> = {
  'reader-stalled': {
    device: 'vnet0',
    story: 'A program reads its tap, then hangs: it runs and reads no more.',
    setUp: (traffic, device) => readTap(traffic, device, { burst: 10 }),
    begin: (traffic, device) => traffic.stopReading(device),
  },
  'ring-full-burst': {
    device: 'vnet1',
    story: 'The ring of a tap has room for 10 packets, and they come in bursts of 100.',
    setUp: (traffic, device) => readTap(traffic, device, { ring: 10, burst: 100 }),
  },
  'reader-cpu-bound': {
    otherwise: 'reader-starved',
    device: 'vnet2',
    story: 'A program works too long for each packet: more come than it can read.',
    setUp: (traffic, device) => readTap(traffic, device, { rate: 12_000, burst: 24, work: SLOW_WORK }),
  },
  'txqlen-zero': {
    device: 'vnet3',
    story: 'A script has set txqueuelen 0: the ring has no room at all.',
    setUp: (traffic, device) => readTap(traffic, device, { ring: 0, burst: 10 }),
  },
  'no-reader': {
    device: 'vnet4',
    story: 'A VM has ended, its tap was left over, and packets still go there.',
    setUp: async (traffic, device) => {
      await traffic.open(device, device, ['persist']);
      await raise({ namespace: traffic.namespace, name: device, queues: 1 }, RING);
      await traffic.close(device);
      await traffic.flood(device, USUAL_RATE, 10);
    },
  },
};

export const FAULTS: readonly Fault[] = FAULT_NAMES.map((name) => ({ name, ...WAYS[name] }));

export async function startDemo(): Promise<Demo> {
  const traffic = await startTraffic(READER);
  return {
    netns: traffic.netns,
    play: async (fault, watch) => {
      await fault.setUp(traffic, fault.device);
      let begun: Promise<unknown> = Promise.resolve();
      const result = await watch(() => {
        begun = fault.begin?.(traffic, fault.device) ?? begun;
        begun.catch(() => undefined); // is told below
      });
      await begun;
      await traffic.calm();
      await traffic.close(fault.device).catch(() => undefined); // it may be closed already, as a fault has it
      return result;
    },
    end: () => traffic.end(),
  };
}

interface Load {
  readonly ring?: number;
  readonly rate?: number;
  readonly burst: number;
  readonly work?: number;
}

async function readTap(traffic: Traffic, device: string, load: Load): Promise<void> {
  const { ring = RING, rate = USUAL_RATE, burst, work = 0 } = load;
  await traffic.open(device, device, []);
  await raise({ namespace: traffic.namespace, name: device, queues: 1 }, ring);
  await traffic.read(device, { work });
  await traffic.flood(device, rate, burst);
}
