// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Readers that do not keep up, each for another reason: the right one has the largest share of the full time.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { standingLab } from '../../test/agent/agent-lab.ts';
import { limitedCgroup, noCgroup } from '../../test/host/cgroup.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { hog, READER_CPU, type Shares, sharesOf, startFlood } from '../../test/host/reader-shares.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';

const RING = 100;

interface Scene {
  readonly lab: NamespaceLab;
  readonly reader: TestReader;
}

interface Scenario {
  readonly name: string;
  readonly state: string;
  readonly skip?: string | false;
  /** Packets per second that the reader takes at most, and microseconds that each makes it compute. */
  readonly reads: readonly [rate: number, work?: number];
  readonly disturb: (scene: Scene) => Promise<unknown>;
}

const scenarios: readonly Scenario[] = [
  { name: 'SIGSTOP', state: 'stopped', reads: [0], disturb: async ({ reader }) => reader.signal('SIGSTOP') },
  {
    name: 'a real-time hog on its CPU',
    state: 'waiting',
    reads: [0],
    disturb: (scene) => hog(scene.lab, 'chrt', '-f', '50'),
  },
  { name: 'a hog of higher priority', state: 'waiting', reads: [0], disturb: outranked },
  { name: 'it pauses between reads', state: 'sleeping', reads: [200], disturb: prefer },
  { name: 'it computes', state: 'running', reads: [0, 3000], disturb: prefer },
  { name: 'its CPU time is used up', state: 'throttled', reads: [0, 100], skip: noCgroup('cpu'), disturb: throttle },
  { name: 'it is frozen', state: 'stopped', reads: [0], skip: noCgroup('freezer'), disturb: freeze },
  { name: 'its thread has ended', state: 'gone', reads: [0], disturb: ({ reader }) => reader.stop('a') },
  { name: 'it was killed', state: 'gone', reads: [0], disturb: ({ reader }) => reader.quit() },
];

for (const { name, state, skip, reads, disturb } of scenarios) {
  test(`${state}: ${name}`, { skip: noLab || skip }, async (t) => {
    const lab = await namespaceLab(t);
    const agent = await standingLab();
    const reader = await lab.testReader();
    await reader.open('a', 'tap0', 'tap', 'persist');
    lab.after(() => lab.ip('link del dev tap0'));
    await lab.raise('tap0', RING);
    await reader.readLoop('a', ...reads);
    await lab.exec('taskset', '-a', '-p', '-c', READER_CPU, String(reader.pid));
    await wait(100); // it sleeps in poll()
    await agent.snapshot();
    await disturb({ lab, reader });
    const flood = await startFlood(lab);
    await wait(200);
    // Full for much of the time, and no longer than that.
    const isRight = ({ [state]: share = 0, total = 0 }: Shares): boolean => share >= 0.8 && total > 0.1 && total < 1.2;
    const shares = await sharesOf(agent, lab, isRight);
    await flood();
    t.diagnostic(JSON.stringify(shares));
    assert.ok(isRight(shares), JSON.stringify(shares));
  });
}

async function outranked(scene: Scene): Promise<void> {
  await scene.lab.exec('sh', '-c', `renice -n 19 -p $(ls /proc/${scene.reader.pid}/task)`);
  await hog(scene.lab, 'nice', '-n', '-20');
}

/** Gives the reader the CPU whenever it wants it, also on a busy machine. */
async function prefer({ lab, reader }: Scene): Promise<void> {
  await lab.exec('chrt', '-a', '-f', '-p', '10', String(reader.pid));
}

async function throttle({ lab, reader }: Scene): Promise<void> {
  limitedCgroup(lab, reader.pid, 'cpu');
}

async function freeze({ lab, reader }: Scene): Promise<void> {
  limitedCgroup(lab, reader.pid, 'freezer');
}
