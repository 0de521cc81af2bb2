// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { resultsOf } from './measure-paths.ts';

test('both courses of a configuration are one result, and what did not run has its reason', () => {
  const output = [
    'something that the guest said',
    '{"configuration":"nothing","prices":{"enqueue":3975.2,"vhost consume":1990.8}}',
    '{"configuration":"perf record","notRun":"perf: not found"}',
    '{"configuration":"nothing","prices":{"enqueue, 4 queues":4084}}',
  ].join('\n');
  const { prices, notRun } = resultsOf(output);
  assert.deepEqual(Object.fromEntries(prices), {
    nothing: { enqueue: 3975.2, 'vhost consume': 1990.8, 'enqueue, 4 queues': 4084 },
  });
  assert.deepEqual(Object.fromEntries(notRun), { 'perf record': 'perf: not found' });
});
