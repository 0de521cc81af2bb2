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
import { createObserver } from '../server/observer.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { QueueWatch } from './queue-watch.ts';
import { thisHost } from './version.ts';

const HUNG = { queues: [{ delivered: 0, lost: 500, occupancy: 1000 }] };

/** An agent whose newest snapshot is this old; `next` is what it takes from then on. */
async function watchAgent(t: TestContext, ageSeconds: number, next?: () => Snapshot): Promise<QueueWatch> {
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
  const watch = new QueueWatch({}, { socket, mechanisms: [] });
  t.after(() => watch.close());
  await watch.start();
  return watch;
}

test('an agent that has nothing newer: the rates of its last seconds, the findings, and their age', async (t) => {
  const watch = await watchAgent(t, 20);
  for (let pictures = 0; pictures < 2; pictures += 1) {
    const seen = await watch.look();
    assert.match(seen?.late ?? '', /^judged 2\d s ago: the agent (is late|gets no CPU \(load \d+\))$/);
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
  const seen = await watch.look();
  assert.equal(seen?.late, undefined);
  assert.ok(seen && seen.takenAt >= begin);
});
