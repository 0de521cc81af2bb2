// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// A device is given again only after six equal samples, and not once anything of it is another object.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenSnapshot } from '../outputs/prometheus/prometheus-golden.ts';
import type { Device } from '../snapshot.ts';
import { SettledDevices } from './settled-devices.ts';

const [golden] = goldenSnapshot.devices;
const device = (txDropped = 0): Device => {
  assert.ok(golden?.counters);
  return { ...golden, counters: { ...golden.counters, txDropped } };
};

/** Six equal samples. */
function settle(devices: SettledDevices, inputs: readonly unknown[], lasting = true): void {
  for (let look = 0; look < 6; look += 1) devices.keep(1n, inputs, device(), lasting);
}

test('settled after six equal samples, and given as it was made first', () => {
  const devices = new SettledDevices();
  const [walked, sums] = [{}, {}];
  const first = device();
  devices.keep(1n, [walked, sums], first, true);
  for (let look = 1; look < 6; look += 1) {
    assert.equal(devices.find(1n, [walked, sums]), undefined);
    devices.keep(1n, [walked, sums], device(), true);
  }
  assert.equal(devices.find(1n, [walked, sums]), first);
});

test('another object, one more, or another way of measuring: it is made anew', () => {
  const devices = new SettledDevices();
  const walked = {};
  settle(devices, [walked]);
  assert.ok(devices.find(1n, [walked]));
  assert.equal(devices.find(1n, [{}]), undefined);
  assert.equal(devices.find(1n, [walked, undefined]), undefined);
  devices.begin('lean');
  assert.equal(devices.find(1n, [walked]), undefined);
});

test('what depends on the time, or still changes, does not settle', () => {
  const devices = new SettledDevices();
  const walked = {};
  settle(devices, [walked], false);
  assert.equal(devices.find(1n, [walked]), undefined);
  settle(devices, [walked]);
  devices.keep(1n, [walked], device(1), true);
  assert.equal(devices.find(1n, [walked]), undefined);
});

test('a device that went is forgotten', () => {
  const devices = new SettledDevices();
  const walked = {};
  settle(devices, [walked]);
  devices.forget(new Set());
  assert.equal(devices.find(1n, [walked]), undefined);
});
