// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { FunctionNames } from './function-names.ts';

const TEXT = `ffffffff81daf480 t tun_queue_purge
ffffffff81daef80 t tun_net_xmit
ffffffff8123ad3a t tun_net_xmit.cold
ffffffff81daf100 d some_data
ffffffffc0a01000 t module_function\t[tun]
`;

test('the function that an address lies in, for any order of the file', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-names-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'kallsyms');
  writeFileSync(path, TEXT);
  const names = new FunctionNames(path);
  const addresses = [
    [0xffffffff81daef80n, 'tun_net_xmit'],
    [0xffffffff81daf2ffn, 'tun_net_xmit'],
    [0xffffffff81daf480n, 'tun_queue_purge'],
    [0xffffffff8123ad40n, 'tun_net_xmit'],
    [0xffffffffc0a01fffn, 'module_function'],
    [0x1000n, '0x1000'],
  ] as const;
  assert.equal(names.at(0xffffffff81daef80n), '0xffffffff81daef80', 'not learned yet');
  names.learn(addresses.map(([address]) => address));
  writeFileSync(path, '');
  names.learn(addresses.map(([address]) => address));
  for (const [address, name] of addresses) assert.equal(names.at(address), name);
});
