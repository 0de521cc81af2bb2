// SPDX-License-Identifier: Apache-2.0
// What can happen to a tap's queues while packets come at full speed.
import { setTimeout as wait } from 'node:timers/promises';
import { namesOf } from '../host/names.ts';
import type { NamespaceLab } from '../host/netns.ts';
import type { QueueFlag, TestReader } from '../test-reader/test-reader.ts';

export const DEVICE = 'tap0';

export interface Stage {
  readonly lab: NamespaceLab;
  /** Holds the queues. */
  readonly testReader: TestReader;
  readonly queues: readonly string[];
  /** Packets that the readers have counted so far, by queue. */
  readonly read: Record<string, number>;
  failed: number;
}

export interface Life {
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

export const RING = 500;
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
