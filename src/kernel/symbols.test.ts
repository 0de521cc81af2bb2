// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Symbols } from './symbols.ts';

const TEXT = `ffffffff8123ad3a t tun_net_xmit.cold
ffffffff8123ad5d t tun_do_read.cold
ffffffff81daef80 t tun_net_xmit
ffffffff81daf480 t tun_queue_purge
ffffffff81daf480 T same_place
ffffffff81db15e0 t tun_attach.isra.0
ffffffff81db1c00 D tun_data
ffffffff81db2000 t last
ffffffffc0a01000 t module_function\t[tun]
`;

function symbolsOf(t: TestContext, text: string, names: readonly string[]): Symbols | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-symbols-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'kallsyms'), text);
  return Symbols.ofKernel(names, join(folder, 'kallsyms'));
}

test('a function before its compiler-made parts, each up to the next symbol', (t) => {
  const symbols = symbolsOf(t, TEXT, ['tun_net_xmit', 'tun_queue_purge', 'tun_attach', 'module_function']);
  assert.equal(symbols?.address('tun_net_xmit'), 0xffffffff81daef80n);
  assert.deepEqual(symbols?.ranges('tun_net_xmit'), [
    { start: 0xffffffff81daef80n, length: 0x500 },
    { start: 0xffffffff8123ad3an, length: 0x23 },
  ]);
  assert.equal(symbols?.ranges('tun_queue_purge')[0]?.length, 0x2160, 'not 0 where two names share an address');
  assert.equal(symbols?.address('tun_attach'), undefined, 'only a variant of it exists');
  assert.equal(symbols?.ranges('tun_attach').length, 1);
  assert.equal(symbols?.address('module_function'), 0xffffffffc0a01000n);
});

test('which of the known functions an address lies in', (t) => {
  const symbols = symbolsOf(t, TEXT, ['tun_net_xmit', 'tun_attach']);
  assert.equal(symbols?.functionAt(0xffffffff8123ad40n), 'tun_net_xmit');
  assert.equal(symbols?.functionAt(0xffffffff81daf47fn), 'tun_net_xmit');
  assert.equal(symbols?.functionAt(0xffffffff81daf480n), undefined);
  assert.equal(symbols?.functionAt(0xffffffff81db1600n), 'tun_attach');
});

test('hidden addresses are no symbols', (t) => {
  assert.equal(symbolsOf(t, TEXT.replaceAll(/^\w{16}/gm, '0'.repeat(16)), ['tun_net_xmit']), undefined);
});

test('lines that lie across the ends of the read buffer', (t) => {
  const lines = Array.from(
    { length: 5000 },
    (_, i) => `ffffffff81${(i * 16).toString(16).padStart(6, '0')} t function_${i}\n`,
  );
  const symbols = symbolsOf(
    t,
    lines.join(''),
    lines.map((_, i) => `function_${i}`),
  );
  for (let i = 0; i < 5000; i++) assert.equal(symbols?.address(`function_${i}`), 0xffffffff81000000n + BigInt(i * 16));
});
