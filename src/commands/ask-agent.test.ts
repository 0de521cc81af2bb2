// SPDX-License-Identifier: Apache-2.0
// Needs: openssl.
// Commands that ask one agent at once, over a real unix socket.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { startLocalApi } from '../../test/agent/local-api.ts';
import { until } from '../../test/host/until.ts';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { createObserver } from '../server/observer.ts';
import { askSnapshot } from './ask-agent.ts';

/** The number of requests that the API answers at once. */
const PLACES = 8;

/** Answers take turns: when the first computes, the others that were asked for have their places a moment later. */
async function allArrived(asked: { readonly times: number }): Promise<void> {
  await until(() => asked.times === 1);
  for (let turn = 0; turn < 10; turn += 1) await wait(50);
  assert.equal(asked.times, 1);
}

/** An agent whose snapshots come when `give` is called. */
async function slowAgent(t: TestContext) {
  let give = (): void => undefined;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  const asked = { times: 0 };
  const takeSnapshot = async () => {
    asked.times += 1;
    await given;
    return goldenSnapshot;
  };
  const path = join(temporaryFolder(t), 'agent.sock');
  const host = { kernel: '7.3.0', version: '0.1.0' };
  const socket = await startLocalApi(path, { takeSnapshot, observer: createObserver(), host });
  t.after(() => socket.close());
  return { path, asked, give };
}

test('local commands have all places, and one more waits a moment for its own', async (t) => {
  const { path, asked, give } = await slowAgent(t);
  const first = Array.from({ length: PLACES }, () => askSnapshot(path));
  await allArrived(asked);
  const late = askSnapshot(path);
  await wait(100); // it was refused
  give();
  for (const { takenAt } of await Promise.all([...first, late])) assert.equal(takenAt, goldenSnapshot.takenAt);
  assert.equal(asked.times, PLACES + 1);
});

test('an agent that stays busy says so in one sentence', async (t) => {
  const { path, asked, give } = await slowAgent(t);
  const first = Array.from({ length: PLACES }, () => askSnapshot(path));
  await allArrived(asked);
  await assert.rejects(askSnapshot(path), /^Error: 8 long answers are in progress, which is the limit; [^\n]*\.$/);
  give();
  await Promise.all(first);
});
