// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare } from './agreement.ts';

test('numbers that agree are not spoken of', () => {
  assert.deepEqual(compare([['lost packets', 7, 'pktgen', 7]]), []);
});

test('one packet is enough, and nothing measured is no zero', () => {
  const said = compare([
    ['lost packets', 6, 'pktgen', 7],
    ['messages', undefined, 'the guest', 0],
    ['offered packets', Number.NaN, 'pktgen', 0],
  ]);
  assert.deepEqual(said, [
    'lost packets: 6 by the agent, 7 by pktgen',
    'messages: nothing by the agent, 0 by the guest',
    'offered packets: NaN by the agent, 0 by pktgen',
  ]);
});
