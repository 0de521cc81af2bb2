// SPDX-License-Identifier: Apache-2.0
// A packet of those that are looked at closely, sent when the reader sleeps.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { TestReader } from '../test-reader/test-reader.ts';
import type { NamespaceLab } from './netns.ts';

/** MARK_MASK + 1 of bpf/rows/queue.bpf.h. */
export const SAMPLE = 256;
const PATIENCE_MS = 10_000;
const MOST_SAMPLES = 10;

/** The row of the sender's CPU must be at a multiple of SAMPLE, and is so again afterwards. */
export async function sendToSleeper(sender: TestReader, peer: string, sleeps: () => boolean): Promise<void> {
  await sender.udp(peer, 9, SAMPLE - 1, 64);
  const deadline = performance.now() + PATIENCE_MS;
  // Three times, a moment apart: between two packets it may be about to take the next.
  for (let seen = 0; seen < 3; seen = sleeps() ? seen + 1 : 0) {
    if (performance.now() > deadline) throw new Error('The reader does not fall asleep.');
    await wait(10);
  }
  await sender.udp(peer, 9, 1, 64);
}

/**
 * Sends samples until `enough`, and answers how many. A sample is missed if the reader sleeps again before the sender's
 * CPU goes on: a virtual CPU that stands still gives it the time.
 */
async function sampleUntil(enough: () => Promise<boolean>, send: () => Promise<void>): Promise<number> {
  for (let sent = 0; ; sent++) {
    if (sent === MOST_SAMPLES || (await enough())) return sent;
    await send();
  }
}

/**
 * The reader's thread is pinned to the sender's CPU 1 and then to 0: five samples on each wake it there. `late`: where no program sees a packet's
 * end, the next packet tells of it, of the last one before the change after it. Answers how many were sent.
 */
export async function wakeOnCpus(
  wakeups: () => Promise<unknown>,
  send: () => Promise<void>,
  pin: (cpu: number) => Promise<unknown>,
  isLate: boolean,
): Promise<number> {
  let sent = 0;
  for (const [cpu, expected] of [
    [1, { there: 0, elsewhere: 5 }],
    [0, { there: 5, elsewhere: 5 + Number(isLate) }],
  ] as const) {
    await pin(cpu);
    sent += await sampleUntil(async () => isDeepStrictEqual(await wakeups(), expected), send);
    assert.deepEqual(await wakeups(), expected, `on CPU ${cpu}`);
  }
  return sent;
}

/** All threads of the process. */
export function asleep(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every(sleeps);
}

export function sleeps(tid: string): boolean {
  return /\) S /.test(readFileSync(`/proc/${tid}/stat`, 'utf8'));
}

/** `vhost-PID` is a kernel thread before Linux 6.4, and one of the process since. */
export async function workersOf(lab: NamespaceLab, { pid }: TestReader): Promise<readonly number[]> {
  // A foreign thread that ends meanwhile is an error to grep, even if it found a match.
  const found = await lab.exec('sh', '-c', `grep -s -l -x vhost-${pid} /proc/[0-9]*/task/[0-9]*/comm || :`);
  return [...found.matchAll(/task\/(\d+)\//g)].map(([, thread]) => Number(thread));
}
