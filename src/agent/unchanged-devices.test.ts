// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// A device is given again only after six equal samples, and not once its generation is another.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import type { Device } from '../snapshot/device.ts';
import { UnchangedDevices } from './unchanged-devices.ts';

const [golden] = goldenSnapshot.devices;
const device = (txDropped = 0): Device => {
  assert.ok(golden?.counters);
  return { ...golden, counters: { ...golden.counters, txDropped } };
};

/** Six equal samples. */
function settle(devices: UnchangedDevices, generation: number, isOpen = false): void {
  for (let sample = 0; sample < 6; sample += 1) devices.keep(1n, generation, device(), isOpen);
}

test('given again after six equal samples, as it was made first', () => {
  const devices = new UnchangedDevices();
  const first = device();
  assert.equal(devices.keep(1n, 7, first, false), first);
  for (let sample = 1; sample < 6; sample += 1) {
    assert.equal(devices.find(1n, 7), undefined);
    assert.equal(devices.keep(1n, 7, device(), false), first);
  }
  assert.equal(devices.find(1n, 7), first);
});

test('of another generation it is made anew', () => {
  const devices = new UnchangedDevices();
  settle(devices, 7);
  assert.ok(devices.find(1n, 7));
  assert.equal(devices.find(1n, 8), undefined);
  devices.keep(1n, 8, device(), false);
  assert.equal(devices.find(1n, 8), undefined);
});

test('what depends on the time, or still changes, is made each time', () => {
  const devices = new UnchangedDevices();
  settle(devices, 7, true);
  assert.equal(devices.find(1n, 7), undefined);
  settle(devices, 7);
  devices.keep(1n, 7, device(1), false);
  assert.equal(devices.find(1n, 7), undefined);
});

test('a device that went is forgotten', () => {
  const devices = new UnchangedDevices();
  settle(devices, 7);
  devices.forget(new Set());
  assert.equal(devices.find(1n, 7), undefined);
});
