// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { execPath } from 'node:process';
import { test } from 'node:test';
import { folderOfItsOwn, librariesOf, readableFiles } from './readable-files.ts';

test('the libraries of a process, each once', () => {
  const maps = `00400000-00bdc000 r--p 00000000 fe:00 1049 /usr/bin/node
7f0000-7f1000 r--p 00000000 fe:00 77 /usr/lib/x86_64-linux-gnu/libc.so.6
7f1000-7f2000 r-xp 00028000 fe:00 77 /usr/lib/x86_64-linux-gnu/libc.so.6
7f3000-7f4000 r-xp 00028000 fe:00 78 /usr/lib64/ld-linux-x86-64.so.2
7ffd00-7ffd01 rw-p 00000000 00:00 0 [stack]
`;
  assert.deepEqual(librariesOf(maps), ['/usr/lib/x86_64-linux-gnu/libc.so.6', '/usr/lib64/ld-linux-x86-64.so.2']);
});

test('no folder of others is on the list, nor one with private keys', () => {
  const usual = readableFiles('/usr/lib/tapscope', false);
  assert.ok(usual.includes(execPath) && usual.includes('/usr/lib/tapscope/dist'));
  for (const list of [usual, readableFiles('/usr/lib/tapscope', true)])
    for (const folder of [
      '/',
      '/etc',
      '/etc/pki',
      '/etc/pki/tls',
      '/etc/ssl',
      '/home',
      '/proc',
      '/root',
      '/run',
      '/srv',
      '/tmp',
      '/usr',
      '/var',
    ])
      assert.ok(!list.includes(folder), folder);
});

test('the folder of a resolver is readable where it is the resolver’s own', () => {
  assert.equal(folderOfItsOwn('/run/systemd/resolve/stub-resolv.conf'), '/run/systemd/resolve');
  assert.equal(folderOfItsOwn('/run/NetworkManager/resolv.conf'), '/run/NetworkManager');
  for (const path of ['/etc/resolv.conf', '/run/resolv.conf', '/resolv.conf'])
    assert.equal(folderOfItsOwn(path), undefined, path);
});
