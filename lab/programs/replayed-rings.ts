// SPDX-License-Identifier: Apache-2.0
// What is common to replays of the same packets with rings of other sizes.
import assert from 'node:assert/strict';
import { type RingForecast, ringForecast } from '../../src/diagnosis/forecast/ring-forecast.ts';
import { steadyWindow } from '../../src/diagnosis/forecast/steady-window.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';

/** The least ring that loses nothing, by bisection. `play`: packets that a ring loses; `losing` loses some, `enough` none. */
export async function leastRing(
  play: (ring: number) => Promise<number>,
  losing: number,
  enough: number,
): Promise<number> {
  if (enough - losing <= 1) return enough;
  const middle = (losing + enough) >> 1;
  return (await play(middle)) > 0 ? leastRing(play, middle, enough) : leastRing(play, losing, middle);
}

/** What is told of other rings of the only device in a network namespace. */
export function forecastOf(netns: number, snapshots: readonly Snapshot[], sizes: readonly number[]): RingForecast {
  const device = snapshots.at(-1)?.devices.find((one) => one.netns === netns) ?? assert.fail('no device');
  const steady = steadyWindow(snapshots, device.id) ?? assert.fail('the device has just changed');
  return ringForecast(steady.device, sizes) ?? assert.fail('overflows are not followed');
}
