// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// Why a guest behind vhost-net does not take its packets: of its worker, and where that sleeps, of the guest itself.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { standingLab } from '../agent/agent-lab.ts';
import { limitedCgroup } from '../host/cgroup.ts';
import { type NamespaceLab, namespaceLab } from '../host/netns.ts';
import { hog, READER_CPU, type Shares, sharesOf, startFlood } from '../host/reader-shares.ts';
import { isSince } from '../host/release.ts';
import { workersOf } from '../host/sleeper.ts';
import { until } from '../host/until.ts';
import type { TestReader } from '../test-reader/test-reader.ts';

interface Scene {
  readonly lab: NamespaceLab;
  readonly guest: TestReader;
  /** The worker's thread id. */
  readonly worker: number;
}

interface Scenario {
  readonly name: string;
  readonly state: string;
  readonly disturb: (scene: Scene) => Promise<unknown>;
}

const scenarios: readonly Scenario[] = [
  { name: 'SIGSTOP', state: 'stopped', disturb: async ({ guest }) => guest.signal('SIGSTOP') },
  { name: 'a guest that posts no buffers', state: 'sleeping', disturb: ({ guest }) => guest.stall('a') },
  { name: 'a hog on its worker’s CPU', state: 'waiting', disturb: starve },
  { name: 'a guest whose CPU time is used up', state: 'throttled', disturb: throttle },
];

/**
 * Before Linux 6.4 the worker is a kernel thread, which is not throttled with its guest: it takes packets as long as there are
 * buffers, and each turn of the guest begins with a wait for the CPU. Seen: 0.66, 0.77.
 */
const besideItsGuest = !isSince(6, 4);

for (const { name, state, disturb } of scenarios) {
  test(`${state}: ${name}`, async (t) => {
    const lab = await namespaceLab(t);
    const agent = await standingLab();
    const guest = await lab.testReader();
    await guest.open('a', 'tap0', 'tap', 'vnet');
    await lab.raise('tap0', 100);
    await guest.guest('a');
    await guest.receive('a', 0);
    await wait(200);
    const [worker = 0] = await workersOf(lab, guest);
    await agent.snapshot();
    await agent.snapshot();
    assert.equal((await agent.device(lab.inode, 'tap0')).queues[0]?.reader?.thread, worker);
    await disturb({ lab, guest, worker });
    const flood = await startFlood(lab);
    await wait(500);
    const least = besideItsGuest && state === 'throttled' ? 0.5 : 0.8;
    const isRight = (shares: Shares): boolean => (shares[state] ?? 0) >= least;
    const shares = await sharesOf(agent, lab, isRight);
    await flood();
    t.diagnostic(JSON.stringify(shares));
    assert.ok(isRight(shares), JSON.stringify(shares));
  });
}

async function starve({ lab, worker }: Scene): Promise<void> {
  await lab.exec('taskset', '-p', '-c', READER_CPU, String(worker));
  await hog(lab, 'chrt', '-f', '50');
}

/** A guest that computes all the time, and posts buffers when it comes to it. */
async function throttle({ lab, guest }: Scene): Promise<void> {
  // The sender's CPU would be one to wait for.
  await lab.exec('taskset', '-a', '-p', '-c', READER_CPU, String(guest.pid));
  limitedCgroup(lab, guest.pid, 'cpu');
}

const noBackpressure = !isSince(7, 3) && 'this kernel has no IFF_BACKPRESSURE';

test('a stopped queue whose ring is not full any more', { skip: noBackpressure }, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  const reader = await lab.testReader();
  await reader.open('a', 'tap0', 'tap', 'backpressure');
  const peer = await lab.raise('tap0', 100);
  await lab.tc('qdisc replace dev tap0 root pfifo limit 1000');
  await (await lab.testReader()).udp(peer, 9, 300, 64);
  await reader.read('a', 40); // half of the ring would wake the queue
  const { ring } = (await agent.device(lab.inode, 'tap0')).queues[0] ?? {};
  assert.deepEqual([ring?.capacity, ring?.occupancy], [100, 60]);
  assert.ok(ring?.highwater && ring.highwater >= 69 && ring.highwater <= 100, `${ring?.highwater} of 100`);
  reader.signal('SIGSTOP');
  await until(() => /\) T /.test(readFileSync(`/proc/${reader.pid}/stat`, 'utf8'))); // when it has a CPU to stop on
  const isRight = ({ stopped, total = 0 }: Shares): boolean => stopped === 1 && total > 0.9;
  const shares = await sharesOf(agent, lab, isRight);
  assert.ok(isRight(shares), JSON.stringify(shares));
});
