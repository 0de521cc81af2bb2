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
import { statusOf } from '../diagnosis/status.ts';
import { itemsOf } from '../outputs/check-text.ts';
import { statusLine } from '../outputs/first-line.ts';
import { perfdataOf } from '../outputs/perfdata.ts';
import { createObserver } from '../server/observer.ts';
import { askCheck, askSnapshot } from './ask-agent.ts';
import { version } from './version.ts';

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

/** What `check` shows of the golden host, judged for three seconds, with an agent of this version. */
async function judgedAgent(t: TestContext, seconds: readonly number[], of: string) {
  const observer = createObserver();
  const now = Date.now() / 1000;
  for (const ago of seconds) observer.see({ ...goldenSnapshot, takenAt: now - ago });
  const path = join(temporaryFolder(t), 'agent.sock');
  const api = { takeSnapshot: async () => goldenSnapshot, observer, host: { kernel: '7.3.0', version: of } };
  const socket = await startLocalApi(path, api);
  t.after(() => socket.close());
  return { path, observer };
}

test('one short reply has all that check shows', async (t) => {
  const { path, observer } = await judgedAgent(t, [3, 2, 1], version());
  const { last, findings, unjudged, agent } = (await askCheck(path, AbortSignal.timeout(9000))) ?? assert.fail();
  assert.equal(agent, null);
  const whole = observer.history.recent.at(-1) ?? assert.fail();
  assert.ok(findings.length > 0, 'the golden host has faults');
  const stated = (of: typeof last) => {
    const verdict = { findings, unjudged };
    const host = { kernel: '', version: '' };
    const judged = { verdict, inconclusive: [], devices: of.devices, last: of, seconds: 3, host, isRenamed: false };
    const checked = { ...judged, status: statusOf(verdict), agent: undefined, rules: 9 };
    return [statusLine(checked), itemsOf(checked), perfdataOf(checked, 0)];
  };
  assert.deepEqual(stated(last), stated(whole));
});

test('an agent that has judged nothing, or is of another version, or is none, is not taken for one that answers', async (t) => {
  const limit = AbortSignal.timeout(9000);
  assert.equal(await askCheck((await judgedAgent(t, [1], version())).path, limit), undefined);
  assert.equal(await askCheck((await judgedAgent(t, [3, 2, 1], '9.9.9')).path, limit), undefined);
  assert.equal(await askCheck('/nonexistent', limit), undefined);
});
