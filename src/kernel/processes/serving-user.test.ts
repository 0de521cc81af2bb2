// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMapped, mayChangeUser, userOf } from './serving-user.ts';

test('the user tapscope serves, and where there is none a user that no other program has', () => {
  const free = { uid: 65_521, gid: 65_521 };
  const root = 'root:x:0:0:root:/root:/bin/bash\n';
  assert.deepEqual(userOf(`${root}tapscope:x:998:997::/:/usr/sbin/nologin\n`), { uid: 998, gid: 997 });
  assert.deepEqual(userOf(root), free);
  assert.deepEqual(userOf(`${root}rest:x:65534:65534::/:/usr/sbin/nologin\n`), free, 'other programs have 65534, too');
  assert.deepEqual(userOf('a:x:65521:100::/:/bin/sh\nb:x:1000:65522::/:/bin/sh\n'), { uid: 65_523, gid: 65_523 });
  assert.deepEqual(userOf(''), free);
  assert.deepEqual(userOf('tapscope:x:0:0::/:/bin/sh\n'), free, 'root by another name');
});

test('changing the user takes CAP_SETGID and CAP_SETUID', () => {
  assert.equal(mayChangeUser('Name:\tnode\nCapEff:\t000001ffffffffff\n'), true);
  assert.equal(mayChangeUser('CapEff:\t00000000000000c0\n'), true);
  assert.equal(mayChangeUser('CapEff:\t0000000000000080\n'), false);
  assert.equal(mayChangeUser(''), false);
});

test('a user who is not in the map of a user namespace cannot be become', () => {
  assert.equal(isMapped('         0          0 4294967295\n', 65_534), true);
  assert.equal(isMapped('         0       1000          1\n', 65_534), false);
  assert.equal(isMapped('0 1000 1\n1 100000 65536\n', 65_534), true);
  assert.equal(isMapped('', 0), false);
});
