// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { goldenSnapshot } from '../outputs/prometheus/prometheus-golden.ts';
import { requireRoom, requireRoomFor } from './room-to-run.ts';

const MIB = 2 ** 20;

test('limits that leave no room are refused in a sentence that says how much is needed', () => {
  assert.throws(() => requireRoom(50, undefined), /may have 50 open files, and needs 128: raise the limit/);
  assert.throws(
    () => requireRoom(1024, 100 * MIB),
    /limits its memory to 100 MiB, and it needs 124 MiB without any tap/,
  );
  assert.throws(() => requireRoom(50, undefined), { exitCode: 78 });
  requireRoom(1024, 192 * MIB);
  requireRoom(undefined, undefined);
});

test('memory for as many queues as the host has', async () => {
  const [device] = goldenSnapshot.devices;
  assert.ok(device);
  const many = async () => ({ ...goldenSnapshot, devices: Array.from({ length: 4096 }, () => device) });
  const sentence = /limits its memory to 192 MiB, and it needs \d+ MiB for \d+ queues/;
  await assert.rejects(requireRoomFor(many, 192 * MIB), sentence);
  await requireRoomFor(many, undefined);
  await requireRoomFor(async () => goldenSnapshot, 192 * MIB);
});
