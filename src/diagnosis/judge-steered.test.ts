// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// A queue that overflows because its program's writes steer all flows to it, and what looks like that.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietHost } from '../../test/snapshots/quiet-host.ts';
import type { FlowTable } from '../snapshot/program.ts';
import { judge } from './judge.ts';

/** Packets a second: queue 0 gets all and loses a third; its reader sleeps between packets. */
function judged(
  flowTable: FlowTable | undefined,
  others: number,
): readonly (readonly [rule: string, severity: string])[] {
  const programSide = { holders: 1, sockets: [], unreadable: [], ...(flowTable && { flowTable }) };
  const idle = { delivered: others };
  const window = quietHost([
    {
      queues: [{ delivered: 1000, lost: 500, full: { waiting: 0.3 }, occupancy: 900, episodes: 1 }, idle, idle, idle],
      more: () => ({ programSide }),
    },
  ]);
  return judge(window).findings.map(({ rule, severity }) => [rule, severity]);
}

const table = (...flowsOfQueues: readonly number[]): FlowTable => ({
  flows: flowsOfQueues.reduce((sum, flows) => sum + flows, 0),
  flowsOfQueues,
  isSteered: false,
});

test('all of many flows are written to it', () => {
  assert.deepEqual(judged(table(64, 0, 0, 0), 0)[0], ['queue-hot', 'critical']);
});

test('nearly all of them are', () => {
  assert.deepEqual(judged(table(60, 1, 2, 1), 3)[0], ['queue-hot', 'critical']);
});

test('flows are spread, and its reader is slow', () => {
  assert.ok(judged(table(16, 16, 16, 16), 1000).every(([rule]) => rule !== 'queue-hot'));
});

test('one flow is information beside the cause', () => {
  const said = judged(table(1, 0, 0, 0), 0);
  assert.deepEqual(
    said.filter(([rule]) => rule === 'queue-hot'),
    [['queue-hot', 'info']],
  );
  assert.ok(said.some(([rule, severity]) => rule !== 'queue-hot' && severity === 'critical'));
});

test('a BPF program chooses the queue, or nobody asks', () => {
  for (const flows of [{ ...table(64, 0, 0, 0), isSteered: true }, undefined])
    assert.ok(judged(flows, 0).every(([rule]) => rule !== 'queue-hot'));
});
