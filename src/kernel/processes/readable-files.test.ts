// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { execPath } from 'node:process';
import { test } from 'node:test';
import { librariesOf, readableFiles } from './readable-files.ts';

test('the libraries of a process, each once', () => {
  const maps = `00400000-00bdc000 r--p 00000000 fe:00 1049 /usr/bin/node
7f0000-7f1000 r--p 00000000 fe:00 77 /usr/lib/x86_64-linux-gnu/libc.so.6
7f1000-7f2000 r-xp 00028000 fe:00 77 /usr/lib/x86_64-linux-gnu/libc.so.6
7f3000-7f4000 r-xp 00028000 fe:00 78 /usr/lib64/ld-linux-x86-64.so.2
7ffd00-7ffd01 rw-p 00000000 00:00 0 [stack]
`;
  assert.deepEqual(librariesOf(maps), ['/usr/lib/x86_64-linux-gnu/libc.so.6', '/usr/lib64/ld-linux-x86-64.so.2']);
});

test('no folder of others is on the list, and /etc only where names are looked up all the time', () => {
  const usual = readableFiles('/usr/lib/tapscope', false);
  assert.ok(usual.includes(execPath) && usual.includes('/usr/lib/tapscope/dist'));
  for (const folder of ['/', '/etc', '/home', '/proc', '/root', '/run', '/srv', '/tmp', '/usr', '/var'])
    assert.ok(!usual.includes(folder), folder);
  const added = readableFiles('/usr/lib/tapscope', true).filter((path) => !usual.includes(path));
  assert.ok(added.length <= 1, added.join());
});
