// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenSnapshot } from '../../../test/snapshots/golden-snapshot.ts';
import type { Device } from '../../snapshot/device.ts';
import { createOwner, createOwners, type SeriesOwners, seriesPrefix, showDevices } from './series-owner.ts';
import { createSlices } from './slices.ts';

const drops = { name: 'drops_total', labels: ['reason', 'location'] };

test('a prefix is everything of a series but its value', () => {
  const tap = createOwner([['device', 'a"b']]);
  assert.equal(
    seriesPrefix(tap, drops, 0, ['X', 'y\\z\n']),
    'drops_total{device="a\\"b",reason="X",location="y\\\\z\\n"} ',
  );
  assert.equal(seriesPrefix(tap, { name: 'up', labels: [] }, 0, []), 'up{device="a\\"b"} ');
  assert.equal(seriesPrefix(createOwner([]), { name: 'up', labels: [] }, 0, []), 'up ');
});

test('a kept prefix is not used for other label values', () => {
  const tap = createOwner([['device', 'tap0']]);
  const first = seriesPrefix(tap, drops, 0, ['A', 'f']);
  assert.equal(seriesPrefix(tap, drops, 0, ['A', 'f']), first);
  assert.equal(seriesPrefix(tap, drops, 0, ['B', 'f']), 'drops_total{device="tap0",reason="B",location="f"} ');
  assert.equal(seriesPrefix(tap, drops, 0, ['A', 'f']), first);
});

function show(owners: SeriesOwners, devices: readonly Device[]) {
  return showDevices(owners, devices, createSlices());
}

function guestNamed(changes: Partial<Device>): readonly Device[] {
  return goldenSnapshot.devices.slice(0, 1).map((device) => ({ ...device, ...changes }));
}

test('owners stay while the device stays', async () => {
  const owners = createOwners();
  const [before] = await show(owners, guestNamed({}));
  const [after] = await show(owners, guestNamed({ up: false }));
  assert.equal(after?.owner, before?.owner);
  assert.equal(after?.queues[1]?.owner, before?.queues[1]?.owner);
});

for (const [what, changes] of [
  ['a new name', { name: 'tap9' }],
  ['another namespace', { netns: 3 }],
  ['another device of the same name', { id: '77' }],
] as const) {
  test(`${what} has new owners`, async () => {
    const owners = createOwners();
    const [before] = await show(owners, guestNamed({}));
    const [after] = await show(owners, guestNamed(changes));
    assert.notEqual(after?.owner, before?.owner);
    assert.notEqual(after?.queues[0]?.owner, before?.queues[0]?.owner);
  });
}

test('nothing is kept of devices that went, but one incomplete snapshot forgets nothing', async () => {
  const owners = createOwners();
  const [before] = await show(owners, guestNamed({}));
  await show(owners, []);
  assert.equal((await show(owners, guestNamed({})))[0]?.owner, before?.owner);
  for (let scrape = 0; scrape < 1000; scrape += 1) await show(owners, guestNamed({ id: String(scrape) }));
  assert.ok(owners.devices.size < 10);
});

test('nothing is kept of queues that went', async () => {
  const owners = createOwners();
  await show(owners, guestNamed({}));
  await show(owners, guestNamed({ queues: [] }));
  assert.equal(owners.devices.get('9001')?.queues.size, 0);
});
