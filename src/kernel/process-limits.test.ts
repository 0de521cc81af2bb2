// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { memoryLimit, openFilesLimit } from './process-limits.ts';

const TWO = 'cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n';
const ONE = 'cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n';

const files =
  (contents: Readonly<Record<string, string>>) =>
  (path: string): string =>
    contents[path] ?? '';

test('open files: the soft limit', () => {
  assert.equal(
    openFilesLimit('Max processes 10 20 processes\nMax open files            1024   524288   files\n'),
    1024,
  );
  assert.equal(openFilesLimit('Max open files            unlimited   unlimited   files\n'), undefined);
  assert.equal(openFilesLimit(''), undefined);
  assert.ok((openFilesLimit() ?? 0) > 0);
});

test('memory: the least limit from our cgroup of v2 upwards', () => {
  const read = files({ '/sys/fs/cgroup/a/memory.max': '200\n', '/sys/fs/cgroup/a/b/memory.max': 'max\n' });
  assert.equal(memoryLimit('0::/a/b\n', TWO, read), 200);
  assert.equal(memoryLimit('0::/\n', TWO, read), undefined);
});

test('memory: of v1, which has a number for none', () => {
  const root = '/sys/fs/cgroup/memory';
  const none = '9223372036854771712\n';
  const name = 'memory.limit_in_bytes';
  const read = files({ [`${root}/${name}`]: none, [`${root}/a/${name}`]: '100\n' });
  assert.equal(memoryLimit('4:memory:/a\n0::/b\n', ONE, read), 100);
  assert.equal(memoryLimit('4:memory:/other\n', ONE, read), undefined);
});

test('memory: nothing limits where there is no cgroup', () => {
  assert.equal(memoryLimit('', '', files({})), undefined);
});
