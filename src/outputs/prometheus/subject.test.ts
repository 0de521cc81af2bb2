// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenSnapshot } from '../../../test/snapshots/golden-snapshot.ts';
import type { Device } from '../../snapshot/device.ts';
import { createSlices } from './slices.ts';
import { createSubject, createSubjects, type Subjects, seriesPrefix, showDevices } from './subject.ts';

const drops = { name: 'drops_total', labels: ['reason', 'location'] };

test('a prefix is everything of a series but its value', () => {
  const tap = createSubject([['device', 'a"b']]);
  assert.equal(
    seriesPrefix(tap, drops, 0, ['X', 'y\\z\n']),
    'drops_total{device="a\\"b",reason="X",location="y\\\\z\\n"} ',
  );
  assert.equal(seriesPrefix(tap, { name: 'up', labels: [] }, 0, []), 'up{device="a\\"b"} ');
  assert.equal(seriesPrefix(createSubject([]), { name: 'up', labels: [] }, 0, []), 'up ');
});

test('a kept prefix is not used for other label values', () => {
  const tap = createSubject([['device', 'tap0']]);
  const first = seriesPrefix(tap, drops, 0, ['A', 'f']);
  assert.equal(seriesPrefix(tap, drops, 0, ['A', 'f']), first);
  assert.equal(seriesPrefix(tap, drops, 0, ['B', 'f']), 'drops_total{device="tap0",reason="B",location="f"} ');
  assert.equal(seriesPrefix(tap, drops, 0, ['A', 'f']), first);
});

function show(subjects: Subjects, devices: readonly Device[]) {
  return showDevices(subjects, devices, createSlices());
}

function guestNamed(changes: Partial<Device>): readonly Device[] {
  return goldenSnapshot.devices.slice(0, 1).map((device) => ({ ...device, ...changes }));
}

test('subjects stay while the device stays', async () => {
  const subjects = createSubjects();
  const [before] = await show(subjects, guestNamed({}));
  const [after] = await show(subjects, guestNamed({ up: false }));
  assert.equal(after?.subject, before?.subject);
  assert.equal(after?.queues[1]?.subject, before?.queues[1]?.subject);
});

for (const [what, changes] of [
  ['a new name', { name: 'tap9' }],
  ['another namespace', { netns: 3 }],
  ['another device of the same name', { id: '77' }],
] as const) {
  test(`${what} has new subjects`, async () => {
    const subjects = createSubjects();
    const [before] = await show(subjects, guestNamed({}));
    const [after] = await show(subjects, guestNamed(changes));
    assert.notEqual(after?.subject, before?.subject);
    assert.notEqual(after?.queues[0]?.subject, before?.queues[0]?.subject);
  });
}

test('nothing is kept of devices that went, but one incomplete snapshot forgets nothing', async () => {
  const subjects = createSubjects();
  const [before] = await show(subjects, guestNamed({}));
  await show(subjects, []);
  assert.equal((await show(subjects, guestNamed({})))[0]?.subject, before?.subject);
  for (let scrape = 0; scrape < 1000; scrape += 1) await show(subjects, guestNamed({ id: String(scrape) }));
  assert.ok(subjects.devices.size < 10);
});

test('nothing is kept of queues that went', async () => {
  const subjects = createSubjects();
  await show(subjects, guestNamed({}));
  await show(subjects, guestNamed({ queues: [] }));
  assert.equal(subjects.devices.get('9001')?.queues.size, 0);
});
