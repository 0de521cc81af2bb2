// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The rounds of the process that serves: no other work waits long for them, and what they find is what one long judgement finds.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { watchEventLoop } from '../../test/host/event-loop.ts';
import { slowness } from '../../test/host/slowness.ts';
import { unpackFixture } from '../../test/snapshots/fixture.ts';
import { snapshotAt, type TapPlan } from '../../test/snapshots/quiet-host.ts';
import { type TrackedFinding, track } from '../diagnosis/active-findings.ts';
import { judge } from '../diagnosis/judge.ts';
import { windowOf } from '../diagnosis/window.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { createObserver, type Observation } from './observer.ts';

const TAPS = 1024;
const QUEUES = 4;
const SECONDS = 12;
/** Limit of a turn of the event loop at rest, as in `npm run bench:scale`. */
const TURN_MS = 20;
/** Other programs of the machine make a turn longer, never shorter. */
const ATTEMPTS = 4;
const FOLDER = 'src/diagnosis/fixtures';

/** All queues change in each second, and every fourth tap has readers that are stopped. */
function busyTap(tap: number): TapPlan {
  const stopped = { delivered: 0, lost: 500 + tap, occupancy: 1000, full: { stopped: 1 } };
  const queue = tap % 4 === 0 ? stopped : { delivered: 1000 + tap, occupancy: (second: number) => (second + tap) % 9 };
  return { queues: Array.from({ length: QUEUES }, () => queue) };
}

/** The longest turn of the event loop while the last seconds are seen, and what is found then. */
async function longestTurn(snapshots: readonly Snapshot[]): Promise<{ ownMaxMs: number; latest: Observation }> {
  const observer = createObserver((goOn) => void setImmediate(goOn));
  const seen = (snapshot: Snapshot): Promise<Observation> =>
    new Promise((resolve) => {
      const deafen = observer.listen((observation) => {
        deafen();
        resolve(observation);
      });
      observer.see(snapshot);
    });
  const [first, ...others] = snapshots;
  assert.ok(first);
  observer.see(first);
  for (const snapshot of others.slice(0, -2)) await seen(snapshot); // V8 compiles meanwhile
  const finish = watchEventLoop();
  let latest: Observation | undefined;
  for (const snapshot of others.slice(-2)) latest = await seen(snapshot);
  assert.ok(latest);
  return { ownMaxMs: finish().ownMaxMs, latest };
}

test(`${TAPS * QUEUES} queues that all change hold the event loop for a moment at a time`, async (t) => {
  const taps = Array.from({ length: TAPS }, (_, tap) => busyTap(tap));
  const snapshots = Array.from({ length: SECONDS }, (_, second) => snapshotAt(second, taps, {}));
  for (let attempt = 1; ; attempt += 1) {
    const { ownMaxMs, latest } = await longestTurn(snapshots);
    const began = performance.now();
    const whole = judge(latest.window);
    const wholeMs = performance.now() - began;
    const most = TURN_MS * (await slowness());
    t.diagnostic(
      `longest turn ${ownMaxMs.toFixed(1)} of ${most.toFixed(1)} ms; judged at once ${wholeMs.toFixed(0)} ms`,
    );
    assert.equal(whole.findings.length, (TAPS / 4) * QUEUES);
    const told = latest.active.filter(({ seen }) => seen === latest.window.endedAt).map(({ finding }) => finding);
    assert.equal(JSON.stringify(told), JSON.stringify(whole.findings));
    if (ownMaxMs <= most) return;
    assert.ok(attempt < ATTEMPTS, `${ownMaxMs} ms in ${ATTEMPTS} attempts`);
  }
});

test('what was recorded of real hosts is judged in steps as it is judged at once', () => {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json.gz'));
  assert.ok(files.length > 100);
  let compared = 0;
  for (const file of files) {
    const { snapshots } = unpackFixture(readFileSync(join(FOLDER, file)));
    let goOn: (() => void) | undefined;
    const observer = createObserver((step) => {
      goOn = step;
    });
    let known: readonly TrackedFinding[] = [];
    for (const snapshot of snapshots) {
      const before = observer.latest();
      observer.see(snapshot);
      for (let step = goOn; step; step = goOn) {
        assert.equal(observer.latest(), before, 'what is known stays until the round is complete');
        goOn = undefined;
        step();
      }
      const latest = observer.latest();
      if (latest === undefined || latest === before) continue;
      known = track(known, judge(windowOf(observer.history.recent)).findings, snapshot.takenAt);
      assert.equal(JSON.stringify(latest.active), JSON.stringify(known.filter(({ isActive }) => isActive)), file);
      compared += latest.active.length;
    }
  }
  assert.ok(compared > 50, `${compared} findings`);
});

test('of the snapshots that come during a round, the last is seen after it', () => {
  const steps: (() => void)[] = [];
  const observer = createObserver((goOn) => steps.push(goOn));
  const drain = (): void => {
    for (let step = steps.shift(); step; step = steps.shift()) step();
  };
  const taps = Array.from({ length: 100 }, (_, tap) => busyTap(tap));
  observer.see(snapshotAt(0, taps, {}));
  drain();
  for (const second of [1, 2, 3]) observer.see(snapshotAt(second, taps, {}));
  assert.equal(steps.length, 1);
  drain();
  const [zero] = observer.history.recent;
  assert.deepEqual(
    observer.history.recent.map(({ takenAt }) => takenAt - (zero?.takenAt ?? 0)),
    [0, 1, 3],
  );
  assert.equal(observer.latest()?.window.endedAt, (zero?.takenAt ?? 0) + 3);
});
