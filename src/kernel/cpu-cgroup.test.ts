// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { cpuCgroup } from './cpu-cgroup.ts';

const UNIFIED = 'cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,relatime,nsdelegate 0 0\n';
const HYBRID = [
  'tmpfs /sys/fs/cgroup tmpfs ro,mode=755 0 0',
  'cgroup2 /sys/fs/cgroup/unified cgroup2 rw,nsdelegate 0 0',
  'cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0',
  'cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0',
].join('\n');

test('the CPU controller: of v2, of v1 beside v2, of none', () => {
  assert.deepEqual(cpuCgroup(UNIFIED), { version: 2, root: '/sys/fs/cgroup' });
  assert.deepEqual(cpuCgroup(HYBRID), { version: 1, root: '/sys/fs/cgroup/cpu,cpuacct' });
  assert.equal(cpuCgroup('proc /proc proc rw 0 0\n'), undefined);
});
