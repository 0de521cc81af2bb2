// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { LatestSnapshot } from './latest-snapshot.ts';

const aged = (seconds: number): Snapshot => ({ ...goldenSnapshot, takenAt: Date.now() / 1000 - seconds });
const never = <Value>(): Promise<Value> => new Promise(() => undefined);

async function timed<Value>(work: () => Promise<Value>): Promise<readonly [Value, ms: number]> {
  const began = performance.now();
  return [await work(), performance.now() - began];
}

test('a fresh one where it comes in time, else the newest there is, within a second', async () => {
  const fresh = aged(0);
  const [old, newer] = [aged(9), aged(5)];
  let take = async (): Promise<Snapshot> => fresh;
  const latest = new LatestSnapshot({ take: () => take(), pulse: never });
  latest.see(old);
  assert.equal(await latest.take(), fresh);
  take = never;
  const taking = timed(() => latest.take());
  latest.see(newer);
  const [taken, ms] = await taking;
  assert.equal(taken, newer);
  assert.ok(ms < 1900, `${ms} ms`);
});

test('once late, the next answers do not wait as long, until something comes', async () => {
  const latest = new LatestSnapshot({ take: never, pulse: never });
  latest.see(aged(1));
  await latest.pulse();
  const [, first] = await timed(() => latest.pulse());
  const [, second] = await timed(() => latest.take());
  assert.ok(first < 250 && second < 250, `${first} ms, ${second} ms`);
  latest.see(aged(0));
  const [, third] = await timed(() => latest.pulse());
  assert.ok(third > 250, `${third} ms`);
});

test('what is older than a minute is no answer, and why is said; a failure alone is none', async () => {
  const failing = new LatestSnapshot({ take: () => Promise.reject(new Error('the walk derailed')), pulse: never });
  const recent = aged(59);
  failing.see(recent);
  assert.equal(await failing.take(), recent);
  failing.see(aged(75));
  await assert.rejects(failing.take(), /^Error: The newest snapshot is 75 s old: the walk derailed\.$/);
  const late = new LatestSnapshot({ take: never, pulse: never });
  late.see(aged(75));
  await assert.rejects(
    late.take(),
    /^Error: The newest snapshot is 7\d s old: the agent gets no CPU, or is stopped\.$/,
  );
});

test('before the first one it waits for it', async () => {
  const first = aged(0);
  const latest = new LatestSnapshot({ take: async () => first, pulse: never });
  assert.equal(await latest.take(), first);
});
