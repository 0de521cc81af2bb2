// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { parseIpsec, parseNoRoutes } from './refused-sends.ts';

test('what IPsec refuses on the way out, and nothing of what comes in', () => {
  const text =
    'XfrmInNoPols             \t4\nXfrmOutBundleGenError   \t2\nXfrmOutNoStates         \t7\nXfrmOutPolBlock         \t12\nXfrmOutPolDead          \t0\n';
  assert.deepEqual(parseIpsec(text), { XfrmOutNoStates: 7, XfrmOutPolBlock: 12 });
  assert.deepEqual(parseIpsec(''), {});
});

test('packets without a route, by the names of the columns', () => {
  const text =
    'Ip: Forwarding OutDiscards OutNoRoutes ReasmTimeout\nIp: 1 5 9 0\nIcmp: InMsgs OutNoRoutes\nIcmp: 1 3\n';
  assert.deepEqual(parseNoRoutes(text), { OutNoRoutes: 9 });
  assert.deepEqual(parseNoRoutes('Ip: Forwarding\nIp: 1\n'), {});
  assert.deepEqual(parseNoRoutes(''), {});
});
