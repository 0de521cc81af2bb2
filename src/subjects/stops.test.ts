// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import type { SharedSums } from '../engine/shared-rows.ts';
import { flowOf } from './stops.ts';

const QUIET: SharedSums = {
  episodeDrops: 0,
  episodeSince: 0,
  episodes: 0,
  needed: 0,
  highwater: 0,
  stoppedSince: 0,
  stoppedNs: 0,
  stops: 0,
  stopsInferred: 0,
  wakes: [],
  wakesElsewhere: 0,
  stopsEnded: 0,
  flowLost: 0,
  wakesLost: 0,
  flowWatched: true,
  histograms: undefined,
};

test('a stop that is open is told up to the time before its row was read, and never less when it has ended', () => {
  // Woken at 12.5 s, just after the row was read.
  const samples: readonly (readonly [shared: Partial<SharedSums>, nowNs: number])[] = [
    [{ stops: 0 }, 9e9],
    [{ stops: 1, stoppedSince: 10e9 }, 9.9e9], // began between the clock and the row
    [{ stops: 1, stoppedSince: 10e9 }, 12.4e9],
    [{ stops: 1, stoppedNs: 2.5e9 }, 13e9],
  ];
  const seconds = samples.map(([shared, nowNs]) => flowOf({ ...QUIET, ...shared }, [], nowNs, 0).stoppedSeconds);
  assert.deepEqual(seconds, [0, 0, 2.4, 2.5]);
});
