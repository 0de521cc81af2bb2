// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenSnapshot } from '../outputs/prometheus-golden.ts';
import { judgeSnapshots } from './judged.ts';

test('a device that came too late is named as it can be shown', () => {
  const device = 'tap\u001b[2J\n0';
  const seen = [[], goldenSnapshot.devices.slice(0, 1)].map((devices, second) => ({
    ...goldenSnapshot,
    takenAt: goldenSnapshot.takenAt + second,
    devices: devices.map((one) => ({ ...one, name: device })),
  }));
  assert.throws(
    () => judgeSnapshots(seen, { device }, { kernel: '6.1.0', version: '0.1.0' }),
    /^Error: tap\ufffd\[2J\ufffd0 came while it was watched/,
  );
});
