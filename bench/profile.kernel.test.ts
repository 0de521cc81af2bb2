// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// Samples of a thread whose work is known.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { until } from '../test/host/until.ts';
import { samplesBySymbol, sampleThreads } from './profile.ts';

const skip = process.getuid?.() !== 0 && 'needs root';

function ranNs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]);
}

test('a program that copies from the kernel is found where it copies, one that computes outside of it', {
  skip,
}, async (t) => {
  for (const [words, where] of [
    [['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64k', 'status=none'], 'kernel'],
    [['sh', '-c', 'while :; do :; done'], 'user space'],
  ] as const) {
    const child = spawn(words[0], words.slice(1), { stdio: 'ignore' });
    t.after(() => child.kill('SIGKILL'));
    const pid = child.pid ?? 0;
    await until(() => ranNs(pid) > 1e7 && !readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('node'));
    const sampling = sampleThreads([pid]);
    const before = ranNs(pid);
    await until(() => ranNs(pid) - before > 3e8);
    const profile = sampling.end();
    child.kill('SIGKILL');
    assert.ok(profile, 'this kernel has cpu-clock');
    t.diagnostic(`${words[0]}: ${JSON.stringify(profile).slice(0, 300)}`);
    const { samples, symbols } = profile;
    assert.equal(
      Object.values(symbols).reduce((sum, one) => sum + one, 0),
      samples,
    );
    // 997 a second of CPU, of which a busy or emulated machine takes some.
    assert.ok(samples > 30, `${samples} samples`);
    const outside = symbols['user space'] ?? 0;
    assert.ok(where === 'kernel' ? outside < samples / 2 : outside > samples / 2, `${outside} of ${samples} outside`);
  }
});

test('a thread that is not there', { skip }, () => {
  assert.throws(() => sampleThreads([0x7fffffff]), { code: 'ESRCH' });
});

test('an address belongs to the function that begins at or before it', () => {
  const kallsyms = [
    'ffffffffc0000100 t tun_net_xmit\t[tun]',
    'ffffffff81000000 T _text',
    'ffffffff81000200 t copy_page_to_iter.isra.0',
    'ffffffff81000280 D some_data',
    '',
  ].join('\n');
  const addresses = [0xffffffff810001ffn, 0xffffffff81000200n, 0xffffffff81000300n, 0xffffffffc0000100n, 0x401000n];
  assert.deepEqual(samplesBySymbol([...addresses, 0xffffffff80000000n], kallsyms), {
    ...{ copy_page_to_iter: 2, _text: 1, tun_net_xmit: 1, 'user space': 1, unknown: 1 },
  });
  assert.equal(samplesBySymbol(addresses, kallsyms.replace(/^[0-9a-f]{16}/gm, '0'.repeat(16))), undefined);
});
