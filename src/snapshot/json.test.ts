// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { pseudonyms } from '../outputs/pseudonyms.ts';
import { parseSnapshot, snapshotLine } from './json.ts';

test('a snapshot comes back as it was', () => {
  const line = snapshotLine(goldenSnapshot);
  assert.equal(line.includes('\n'), false);
  const back = parseSnapshot(line);
  assert.equal(back.agent.namespaceNames.get(4026532285), 'blue\\x0ateam');
  assert.equal(back.agent.namespacePaths?.get(4026532285), '/run/netns/blue\\x0ateam');
  assert.equal(back.agent.overhead.get('kernel'), 0.0012);
  // Fields that are undefined are left out, which says the same.
  assert.deepEqual(snapshotLine(back), line);
  assert.equal(back.devices[2]?.counters, undefined);
});

test('what is no snapshot is refused', () => {
  for (const line of ['{', '1', 'null', '[]', '{}', '{"takenAt":1,"devices":[],"agent":{}}'])
    assert.throws(() => parseSnapshot(line), line);
});

test('pseudonyms: nothing that names a VM, container or namespace stays, and the same stays the same', () => {
  const change = pseudonyms();
  const line = snapshotLine(goldenSnapshot, change);
  const back = parseSnapshot(line);
  for (const name of ['web', '4dea22b3', 'machine-qemu', 'blue']) assert.ok(!line.includes(name), name);
  const [first, second] = back.devices.map(({ queues }) => queues[0]?.owner);
  assert.equal(first?.identity?.vm, 'vm-1');
  assert.equal(first?.identity?.unit, 'unit-1');
  assert.deepEqual(first, second);
  assert.equal(first?.identity?.pod, '');
  assert.equal(back.agent.namespaceNames.get(4026532285), 'netns-1');
  assert.equal(back.agent.namespacePaths?.size, 0, 'the pseudonym of a path leads nowhere');
  assert.deepEqual([first?.pid, first?.comm, back.devices[0]?.name], [4711, 'qemu-system "x"', 'tap0']);
  assert.equal(snapshotLine(goldenSnapshot, change), line, 'in the next snapshot they are the same');
});
