// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupOf } from './socket-peer.ts';

const GROUPS = 'root:x:0:\nnetops:x:1200:ann,bob\n';

test('a group by its name or number', () => {
  assert.deepEqual(groupOf('netops', GROUPS), { name: 'netops', gid: 1200 });
  assert.deepEqual(groupOf('1200', GROUPS), { name: 'netops', gid: 1200 });
  assert.deepEqual(groupOf('4711', GROUPS), { name: '4711', gid: 4711 }, 'one that another service knows');
});

test('a name that is no group is refused in one sentence', () => {
  assert.throws(
    () => groupOf('nosuch', GROUPS),
    /^Error: --socket-group=nosuch is no group of \/etc\/group: [^\n]+\.$/,
  );
});
