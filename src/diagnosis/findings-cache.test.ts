// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Recordings of real hosts that go on, stand still and go on: the findings of each second are the same, whether devices that stood still are
// judged or not.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { unpackFixture } from '../../test/snapshots/fixture.ts';
import { History } from '../history/history.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { FindingsCache } from './findings-cache.ts';
import { judge } from './judge.ts';
import { windowOf } from './window.ts';

const FOLDER = 'src/diagnosis/fixtures';
/** Longer than what rules look at, and than what they wait for. */
const STILL_SECONDS = 22;

/** Second by second: what was recorded, its end for a while, and what was recorded again, as if it came after that. */
function played(snapshots: readonly Snapshot[]): readonly Snapshot[] {
  const last = snapshots.at(-1);
  assert.ok(last);
  const still = Array<Snapshot>(STILL_SECONDS).fill(last);
  return [...snapshots, ...still, ...snapshots.slice(1), ...still].map((snapshot, second) => ({
    ...structuredClone(snapshot),
    takenAt: 1_795_000_000 + second,
  }));
}

test('devices that stand still are left out, and the findings are the same', () => {
  let leftOut = 0;
  let findingsMade = 0;
  // A third of the files: all together take seconds.
  const files = readdirSync(FOLDER).filter((file, place) => file.endsWith('.json.gz') && place % 3 === 0);
  assert.ok(files.length > 40);
  for (const file of files) {
    const history = new History();
    const quiet = new FindingsCache();
    for (const snapshot of played(unpackFixture(readFileSync(join(FOLDER, file))).snapshots)) {
      history.add(snapshot);
      if (history.recent.length < 2) continue;
      const window = windowOf(history.recent);
      const all = judge(windowOf(history.recent));
      leftOut += window.devices.length - quiet.lively(window).length;
      assert.deepEqual(judge(window, undefined, quiet), all, file);
      findingsMade += all.findings.length;
    }
  }
  assert.ok(leftOut > 400 && findingsMade > 200, `${leftOut} devices left out, ${findingsMade} findings`);
});

test('what is measured changes: what stood still is judged again', () => {
  const [file = ''] = readdirSync(FOLDER).filter((name) => name.endsWith('.json.gz'));
  const { snapshots } = unpackFixture(readFileSync(join(FOLDER, file)));
  const history = new History();
  const quiet = new FindingsCache();
  const [first] = snapshots;
  assert.ok(first);
  for (let second = 0; second < STILL_SECONDS; second++) history.add({ ...first, takenAt: 1000 + second });
  const window = windowOf(history.recent);
  assert.equal(quiet.lively(window).length, window.devices.length);
  judge(window, undefined, quiet);
  assert.ok(quiet.lively(window).length < window.devices.length, 'the first snapshot has a device without a finding');
  const lean = { ...window, agent: { ...window.agent, level: 'lean' as const } };
  assert.equal(quiet.lively(lean).length, window.devices.length);
});
