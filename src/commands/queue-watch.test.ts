// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// What `top` gets of an agent that has nothing newer than some seconds ago: a real API on a unix socket, whose process that counts gets no CPU.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startLocalApi } from '../../test/agent/local-api.ts';
import { snapshotAt } from '../../test/snapshots/quiet-host.ts';
import type { Scope } from '../diagnosis/scope.ts';
import { createObserver } from '../server/observer.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { isComplete, QueueWatch } from './queue-watch.ts';
import { thisHost } from './version.ts';

const HUNG = { queues: [{ delivered: 0, lost: 500, occupancy: 1000 }] };

/** An agent whose newest snapshot is this old; `next` is what it takes from then on. */
async function watchAgent(
  t: TestContext,
  ageSeconds: number,
  next?: () => Snapshot,
  scope: Scope = {},
): Promise<QueueWatch> {
  const newest = Math.floor(Date.now() / 1000) - ageSeconds;
  const at = (second: number): Snapshot => ({ ...snapshotAt(20 + second, [HUNG], {}), takenAt: newest + second });
  const observer = createObserver();
  for (let second = -12; second <= 0; second += 1) observer.see(at(second));
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-watch-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const socket = join(folder, 'agent.sock');
  const api = await startLocalApi(socket, {
    ...{ observer, host: thisHost() },
    takeSnapshot: async () => next?.() ?? at(0),
  });
  t.after(() => api.close());
  const watch = new QueueWatch(scope, { socket, mechanisms: [] });
  t.after(() => watch.close());
  return watch;
}

test('an agent that has nothing newer: the rates of its last seconds, the findings, and their age', async (t) => {
  const watch = await watchAgent(t, 20);
  const first = await watch.remembered();
  await watch.start();
  for (const seen of [first, await watch.look(), await watch.look()]) {
    assert.match(seen?.late ?? '', /^judged \d\d s ago: the agent (is late|gets no CPU \(load \d+\))$/);
    assert.deepEqual(
      seen?.rates.map(({ device, dropped }) => [device, dropped]),
      [['tap0', 500]],
    );
    assert.ok(seen?.findings.some(({ device, severity }) => device === 'tap0' && severity === 'critical'));
  }
});

test('figures of now have no age', async (t) => {
  const begin = Date.now() / 1000;
  const watch = await watchAgent(t, 1, () => {
    const takenAt = Date.now() / 1000;
    return { ...snapshotAt(30 + takenAt - begin, [HUNG], {}), takenAt };
  });
  await watch.start();
  const seen = await watch.look();
  assert.equal(seen?.late, undefined);
  assert.ok(seen && seen.takenAt >= begin);
});

test('the first picture is of what the agent saw last: nothing is sampled for it, and no second is waited for', async (t) => {
  const watch = await watchAgent(t, 1, () => assert.fail('a snapshot was taken'));
  const seen = await watch.remembered();
  assert.equal(watch.isAgent, true);
  assert.equal(seen?.seconds, 1);
  assert.deepEqual(
    seen?.rates.map(({ device, queue, dropped }) => [device, queue, dropped]),
    [['tap0', 0, 500]],
  );
  assert.ok(seen?.findings.some(({ device, severity }) => device === 'tap0' && severity === 'critical'));
  assert.ok(isComplete(seen));
});

test('what the agent does not remember it is asked for: a device that came just now', async (t) => {
  const watch = await watchAgent(t, 1, undefined, { device: 'tap7' });
  assert.equal(await watch.remembered(), undefined);
  await assert.rejects(watch.start(), /^Error: No tun, tap or macvtap device named tap7 is on this host/);
});
