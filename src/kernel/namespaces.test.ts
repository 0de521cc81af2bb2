// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNamespaceMounts } from './namespaces.ts';

test('mounted network namespaces, those of ip netns last', () => {
  const mounts = parseNamespaceMounts(
    [
      '25 1 0:4 net:[4026532251] /run/netns/blue rw shared:9 - nsfs nsfs rw',
      '26 1 0:4 net:[4026532251] /run/docker/netns/1a2b3c4d5e6f rw shared:9 - nsfs nsfs rw',
      '27 1 0:4 mnt:[4026532252] /run/mnt rw - nsfs nsfs rw',
      '28 1 254:0 / / rw - ext4 /dev/vda rw',
      '29 1 0:4 net:[4026532253] /run/user/1000/netns/a\\040b rw - nsfs nsfs rw',
      '',
    ].join('\n'),
  );
  assert.deepEqual(mounts, [
    { path: '/run/docker/netns/1a2b3c4d5e6f', inode: 4026532251 },
    { path: '/run/user/1000/netns/a b', inode: 4026532253 },
    { path: '/run/netns/blue', inode: 4026532251 },
  ]);
});
