// SPDX-License-Identifier: Apache-2.0
// Needs: quiet.
// What is promised of 100 000 series holds: measured here and now, beside prom-client on the same machine.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slowness } from '../../test/host/slowness.ts';
import { type Measured, measure } from './measure-scrapes.ts';
import { allocationShare, LIMITS, linearity } from './scrape-section.ts';

const scrapes = 8;
const rounds = 4;

/** The quietest of some rounds: other programs of the machine make a round slower, never faster. */
async function quietest(series: number): Promise<Measured> {
  let best = await measure('tapscope', series, scrapes);
  for (let round = 1; round < rounds && best.loop.ownP99Ms > LIMITS.loopMs / 2; round += 1) {
    const next = await measure('tapscope', series, scrapes);
    if (next.loop.ownP99Ms < best.loop.ownP99Ms) best = next;
  }
  return best;
}

test('100 000 series: short turns, a tenth of the memory, linear', {
  timeout: 600_000,
}, async (t) => {
  const ours = await quietest(LIMITS.series);
  // Time that the hypervisor gives to others is in no count of this kernel's.
  const loopMs = LIMITS.loopMs * (await slowness());
  const theirs = await measure('prom-client', LIMITS.series, 2);
  const tenth = await quietest(LIMITS.series / 10);
  const share = allocationShare({ ours, theirs });
  const linear = linearity(tenth, ours);
  t.diagnostic(
    `event loop ${ours.loop.ownP99Ms} ms, memory ${share}, a series costs ${linear} times as much as with a tenth`,
  );
  assert.ok(ours.series > 0.9 * LIMITS.series && Math.abs(ours.series - theirs.series) < 100);
  assert.ok(ours.loop.ownP99Ms <= loopMs, `${ours.loop.ownP99Ms} ms, prom-client ${theirs.loop.ownP99Ms} ms`);
  assert.ok(share <= LIMITS.allocationShare, `${share} of prom-client's`);
  // More than 1, since a larger heap misses more caches and is collected more often; quadratic it would be 10.
  assert.ok(linear < 2, `a series costs ${linear} times as much`);
});
