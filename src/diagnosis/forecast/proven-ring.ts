// SPDX-License-Identifier: Apache-2.0
// The ring that the window itself proves long enough.
import type { DeviceSpan } from '../window.ts';
import { ringForecast } from './ring-forecast.ts';

/** The least txqueuelen, rounded up, with which nothing would have been lost; undefined: none, or not to be told. */
export function provenRing(device: DeviceSpan): number | undefined {
  const { steps, now } = device;
  // What other rings lost says nothing of these.
  const isSteady = steps.every(({ queueLength }) => queueLength === now.queueLength);
  return isSteady ? ringForecast(device, [])?.advised : undefined;
}
