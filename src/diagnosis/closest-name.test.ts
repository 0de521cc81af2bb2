// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closestName } from './closest-name.ts';

for (const [wanted, names, meant] of [
  ['vnet1O', ['vnet10', 'tun0'], 'vnet10'],
  ['vent0', ['vnet0', 'tap0'], 'vnet0'],
  ['tapO', ['tun0', 'tap0'], 'tap0'],
  ['WEB1', ['web1'], 'web1'],
  ['vnet0', [], undefined],
  ['database', ['vnet0', 'tun0'], undefined],
  ['a', ['eth0'], undefined],
  ['bleu', ['bulk', 'blue'], 'blue'],
  ['vnet13', ['wnet13', 'vnet1'], 'vnet1'],
  ['--web.listen-adress', ['--web.config.file', '--web.listen-address'], '--web.listen-address'],
  ['reader', ['ring', 'reader-stalled'], 'reader-stalled'],
] as const)
  test(`${wanted} of ${names.join(', ') || 'none'}: ${meant ?? 'none is close'}`, () => {
    assert.equal(closestName(wanted, names), meant);
  });
