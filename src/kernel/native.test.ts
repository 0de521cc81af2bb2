// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// What a user reads when the addon is not there or does not load.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { after, test } from 'node:test';
import { libbpfVersion } from './native.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapscope-native-'));
const path = join(folder, 'tapscope.node');
env.TAPSCOPE_ADDON = path;
after(() => rmSync(folder, { recursive: true }));

test('a missing addon', () => {
  assert.throws(libbpfVersion, {
    message: `The native addon is missing at ${path}: run "npm start" once, which builds it.`,
  });
});

test('an addon of another machine', () => {
  writeFileSync(path, 'not ELF');
  assert.throws(libbpfVersion, /does not load \(.*too short.*\): run "npm run build" to build it for this machine\.$/);
});

test('an addon whose library is not installed', () => {
  compile(join(folder, 'libbpf.so.99'), ['-Wl,-soname,libbpf.so.99']);
  compile(path, ['-Wl,--no-as-needed', `-L${folder}`, '-l:libbpf.so.99']);
  assert.throws(libbpfVersion, {
    message:
      'The native addon needs libbpf.so.99, which is not installed: run "apt-get install libbpf1 libmnl0 libseccomp2".',
  });
});

function compile(output: string, flags: readonly string[]): void {
  execFileSync('cc', ['-shared', '-o', output, '-x', 'c', '/dev/null', '-x', 'none', ...flags]);
}
