// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { requireLimits, requireMemoryFor } from './resource-limits.ts';

const MIB = 2 ** 20;

test('limits that leave no room are refused in a sentence that says how much is needed', () => {
  assert.throws(() => requireLimits(50, undefined), /may have 50 open files, and needs 128: raise the limit/);
  assert.throws(
    () => requireLimits(1024, 100 * MIB),
    /limits its memory to 100 MiB, and it needs 124 MiB without any tap/,
  );
  assert.throws(() => requireLimits(50, undefined), { exitCode: 78 });
  requireLimits(1024, 192 * MIB);
  requireLimits(undefined, undefined);
});

test('memory for as many queues as the host has', async () => {
  const [device] = goldenSnapshot.devices;
  assert.ok(device);
  const many = async () => ({ ...goldenSnapshot, devices: Array.from({ length: 4096 }, () => device) });
  const sentence = /limits its memory to 192 MiB, and it needs \d+ MiB for \d+ queues/;
  await assert.rejects(requireMemoryFor(many, 192 * MIB), sentence);
  await requireMemoryFor(many, undefined);
  await requireMemoryFor(async () => goldenSnapshot, 192 * MIB);
});
