// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Remedies that only show are told from those that change something.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { priceOf, titleOf } from '../../outputs/remedy-text.ts';
import { inspects } from './inspects.ts';

test('what only shows is told from what changes something, wherever it runs', () => {
  const places = ['', 'ip netns exec blue ', "ip netns exec 'a b' ", "ip netns exec 'it'\\''s' ", 'nsenter -t 7 -n '];
  const entered = [...places, 'nsenter -t "$(lsns -no PID 1 | head -n1)" -n ', "nsenter --net='/run/a b/c' "];
  for (const place of entered) {
    for (const shows of [
      'tc -s qdisc show dev tap0',
      'nft list ruleset',
      'sysctl net.ipv4.ip_forward',
      'ethtool -x eth0',
    ])
      assert.equal(inspects({ command: place + shows }), true, place + shows);
    for (const acts of [
      'tc qdisc replace dev tap0 root fq',
      'ip link set dev tap0 up',
      'sysctl -w a=1',
      'ethtool -X eth0 equal 4',
    ])
      assert.equal(inspects({ command: place + acts }), false, place + acts);
  }
  assert.equal(inspects({ command: undefined }), false);
});

test('what only shows is printed so', () => {
  const remedy = { command: 'ss', effect: '', lossless: true, restart: false, by: 'host' } as const;
  assert.deepEqual([titleOf(remedy, 0), priceOf(remedy)], ['Do', 'host, no packet lost, no restart']);
  const shows = { ...remedy, inspects: true } as const;
  assert.deepEqual([titleOf(shows, 0), titleOf(shows, 1), priceOf(shows)], ['Look', 'Or', 'host, read-only']);
});
