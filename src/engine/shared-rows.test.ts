// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { mergeHistograms } from './histograms.ts';
import { mergeShared, type SharedSums, stopOf } from './shared-rows.ts';

const before: SharedSums = {
  episodeDrops: 0,
  episodeSince: 0,
  episodes: 3,
  needed: 0,
  highwater: 0,
  stoppedSince: 0,
  stoppedNs: 70,
  stops: 5,
  stopsInferred: 1,
  wakes: [4, 1, 0, 0, 0],
  wakesElsewhere: 2,
  stopsEnded: 1,
  flowLost: 1,
  wakesLost: 1,
  flowWatched: false,
  histograms: new Map([['STOPPED', { buckets: [0, 5], sum: 7 }]]),
};

const now: SharedSums = {
  ...before,
  episodeDrops: 12,
  episodeSince: 900,
  episodes: 1,
  needed: 40,
  highwater: 10,
  stoppedSince: 950,
  stoppedNs: 5,
  stops: 2,
  stopsInferred: 0,
  wakes: [1, 0, 0, 0, 2],
  flowWatched: true,
  histograms: new Map([
    ['STOPPED', { buckets: [1, 1], sum: 3 }],
    ['BURST', { buckets: [0, 0, 1], sum: 2 }],
  ]),
};

test('two rows of one queue: what both counted, and how it is now', () => {
  const merged = {
    ...now,
    episodes: 4,
    stoppedNs: 75,
    stops: 7,
    stopsInferred: 1,
    wakes: [5, 1, 0, 0, 2],
    wakesElsewhere: 4,
    stopsEnded: 2,
    flowLost: 2,
    wakesLost: 2,
    histograms: new Map([
      ['STOPPED', { buckets: [1, 6], sum: 10 }],
      ['BURST', { buckets: [0, 0, 1], sum: 2 }],
    ]),
  };
  assert.deepEqual(mergeShared(before, now), merged);
  assert.deepEqual(mergeShared(now, before), merged);
});

test('a row without histograms adds nothing to them', () => {
  assert.equal(mergeHistograms(undefined, undefined), undefined);
  assert.equal(mergeHistograms(before.histograms, undefined), before.histograms);
  assert.equal(mergeHistograms(undefined, before.histograms), before.histograms);
});

test('a stop that ends while it is read is told once', () => {
  const row = { stopped_since: 100, stopped_ns: 7 };
  const reads: string[] = [];
  const read = (field: keyof typeof row): number => {
    const value = row[field];
    reads.push(field);
    if (reads.length === 1) Object.assign(row, { stopped_since: 0, stopped_ns: 57 });
    return value;
  };
  assert.deepEqual(stopOf(read), { stoppedSince: 0, stoppedNs: 57 });
});
