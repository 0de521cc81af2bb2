// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// How commands as built fail: one sentence that no name in it can forge, and an exit code that is no verdict.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { temporaryFolder } from '../test/agent/certificates.ts';
import { tapscope } from '../test/agent/serve-process.ts';

const RECORDED = join(import.meta.dirname, '../test/recorded/linux-6.1.rec');
const HOSTILE = '1\u001b[2J\u001b]0;pwn\u0007\u009b1m\u202e\nOK: all is well';
/** Where 1 is a warning, a failure is 3. */
const COMMANDS = [
  [['report', RECORDED], 3],
  [['explain', 'queue-dead'], 1],
] as const;

/** Runs its output through `module`, which is loaded before the program. */
function behind(module: string): readonly string[] {
  return ['env', `NODE_OPTIONS=--import=data:text/javascript,${encodeURIComponent(module)}`];
}

test('a full disk is one sentence, and no warning', async () => {
  const wrapper = ['sh', '-c', '"$@" >/dev/full', 'sh'];
  for (const [args, code] of COMMANDS) {
    const { code: ended, stderr } = await tapscope(args, { wrapper });
    assert.equal(stderr, 'tapscope: The output cannot be written (ENOSPC: no space left on device, write).\n');
    assert.equal(ended, code, args[0]);
  }
});

for (const [what, crash] of [
  ['an error that was not caught', 'queueMicrotask(() => { throw new Error("bad\\u001b[2J"); })'],
  ['a rejection that was not handled', 'Promise.reject(new Error("bad\\u001b[2J"))'],
])
  test(`${what} is one line, and no warning`, async () => {
    const wrapper = behind(`process.stdout.write = () => { ${crash}; return true; };`);
    for (const [args, code] of COMMANDS) {
      const { code: ended, stderr } = await tapscope(args, { wrapper });
      assert.match(stderr, /^tapscope: It crashed \(Error: bad\ufffd\[2J, at .*\); please report this line\.\n$/);
      assert.equal(ended, code, args[0]);
    }
  });

test('who stops reading ends nothing but the reading', async () => {
  const wrapper = ['bash', '-c', '"$@" | true; exit "$PIPESTATUS"', 'bash'];
  const { code, stderr } = await tapscope(['explain'], { wrapper });
  assert.deepEqual([code, stderr], [0, '']);
});

test('names that others chose cannot forge what the terminal shows', async (t) => {
  const file = join(temporaryFolder(t), 'hostile.rec');
  const header = { format: 'tapscope recording', schema: 2, version: HOSTILE, kernel: '6.1.0' };
  writeFileSync(file, gzipSync(`${JSON.stringify(header)}\n`));
  const shown = '1\ufffd[2J\ufffd]0;pwn\ufffd\ufffd1m\ufffd\ufffdOK: all is well';
  const report = await tapscope(['report', file]);
  assert.equal(report.code, 3);
  assert.ok(report.stderr.includes(` was made by tapscope ${shown}, whose recordings`), report.stderr);
  for (const args of [['explain', HOSTILE], [HOSTILE], ['check', `--${HOSTILE}`]]) {
    const { stderr } = await tapscope(args);
    assert.ok(stderr.includes('1\ufffd[2J\ufffd]0;pwn\ufffd\ufffd1m\ufffd\n'), stderr);
  }
});
