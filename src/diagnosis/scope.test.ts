// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { devicesIn, type Scope } from './scope.ts';

const found = (scope: Scope): readonly string[] => devicesIn(goldenSnapshot, scope).map(({ id }) => id);

test('devices are found by name, namespace, VM and process, and by all of them together', () => {
  assert.deepEqual(found({}), ['9001', '9002', '9003', '9004']);
  assert.deepEqual(found({ device: 'tap0' }), ['9001', '9002']);
  assert.deepEqual(found({ device: 'tap0', netns: 'blue\nteam' }), ['9002']);
  assert.deepEqual(found({ netns: '4026532285' }), ['9002']);
  assert.deepEqual(found({ vm: 'web "1"' }), ['9001', '9002']);
  assert.deepEqual(found({ vm: '4dea22b3-1d52-d8f3-2516-782e98ab3fa0', netns: '4026531840' }), ['9001']);
  for (const process of ['4711', 'qemu', 'qemu-system "x"']) assert.deepEqual(found({ process }), ['9001', '9002']);
});

test('what is not there is one sentence', () => {
  const all = "'tapscope top -b -n 1' lists the 4 there are.";
  assert.throws(() => found({ device: 'tap', vm: 'b\u001b' }), {
    message: `No tun, tap or macvtap device named tap of VM b\u{fffd} is on this host; ${all}`,
  });
  assert.throws(() => found({ device: 'tapO' }), {
    message: `No tun, tap or macvtap device named tapO is on this host (did you mean tap0?); ${all}`,
  });
  assert.throws(() => devicesIn({ ...goldenSnapshot, devices: [] }, { pod: 'x' }), {
    message: 'No tun, tap or macvtap device of pod x is on this host; there is none at all.',
  });
  const agent = { ...goldenSnapshot.agent, hiddenDevices: 2 };
  const filter = 'the device filter of the agent (--device-include, --device-exclude) hides 2 devices.';
  assert.throws(() => devicesIn({ ...goldenSnapshot, devices: [], agent }, { pod: 'x' }), {
    message: `No tun, tap or macvtap device of pod x is on this host; none is shown; ${filter}`,
  });
  assert.throws(() => devicesIn({ ...goldenSnapshot, agent }, { device: 'x' }), {
    message: `No tun, tap or macvtap device named x is on this host; ${all.slice(0, -1)}; ${filter}`,
  });
  assert.throws(() => devicesIn(goldenSnapshot, { pod: 'x' }, true), {
    message: 'No tun, tap or macvtap device of pod x was there then; 4 others were.',
  });
  assert.deepEqual(devicesIn({ ...goldenSnapshot, devices: [] }, { device: undefined }), []);
});
