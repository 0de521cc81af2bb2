// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// Some of the benchmark of verdicts, on the oldest and the youngest kernel: what is wrong is told by its name, what is well is left alone.
import assert from 'node:assert/strict';
import test from 'node:test';
import { seedOf } from '../../test/host/random.ts';
import { ownSeries } from '../../test/host/release.ts';
import { SCENARIOS } from './catalogue.ts';
import { type Played, playWave } from './load.ts';
import { runsOf } from './plan.ts';
import type { Score } from './score.ts';
import { lineOf } from './verdicts-section.ts';
import { watch } from './watch-devices.ts';

const series = ['6.1', '7.3'].find((one) => one === ownSeries);

const CHOSEN = [
  'bursts that do not fit the ring',
  'one burst, of which a few packets are lost',
  'a stopped reader',
  'a guest that posts too few buffers',
  'a pause like a migration’s',
  'packets to a tap that nobody has open',
  'frames too long for one port of a bridge',
  'writes to a device that is down',
];

test('verdicts', { skip: series === undefined && 'other kernels have the whole benchmark only' }, async (t) => {
  const named = ({ name }: { readonly name: string }): boolean => CHOSEN.includes(name);
  const runs = runsOf(SCENARIOS, { seed: seedOf(t), variants: 1, series: [series ?? ''], named });
  assert.equal(runs.length, CHOSEN.length);
  const played: Played[] = [];
  const ofAgent: Score[] = [];
  await watch({}, async (watched) => {
    ofAgent.push(await playWave(watched, SCENARIOS, runs, (one) => void played.push(one)));
  });
  for (const { run, act } of played) {
    await t.test(act.scenario.name, () => {
      const scores = act.scores();
      const line = lineOf({ run, scores, figures: act.figures(), fixture: undefined });
      for (const { outcome } of scores) assert.ok(outcome === 'right' || outcome === 'healthy', line);
    });
  }
  assert.deepEqual(
    ofAgent.map(({ outcome }) => outcome),
    ['healthy'],
  );
});
