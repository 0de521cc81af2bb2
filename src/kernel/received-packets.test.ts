// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { receivedPackets } from './received-packets.ts';

test('packets of all CPUs are summed, and nothing else of their lines', () => {
  const line = (packets: string): string => `${packets} 00000000 0000000e 00000000 00000001\n`;
  assert.equal(receivedPackets(line('0079ad82') + line('ffffffff')), 0x79ad82 + 0xffffffff);
  assert.equal(receivedPackets(''), 0);
});

test('this host has received some', () => {
  assert.ok(receivedPackets() > 0);
});
