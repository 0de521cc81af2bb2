// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// One boot of one kernel: status, output, directory, and that nothing runs on when its time is over.
import assert from 'node:assert/strict';
import test from 'node:test';
import { noVm, runInVm } from './boot.ts';
import { kernelOrWhy } from './kernels.ts';

/** What a VM takes to boot and to halt, on this machine and beside what else it does. */
let bootMs = 30_000;

test('a command runs as root in this directory on another kernel', { skip: noVm }, async (t) => {
  const kernel = await kernelOrWhy('6.12', (line) => t.diagnostic(line));
  if (typeof kernel === 'string') return t.skip(kernel);
  const script = 'uname -r; pwd; id -u; echo "$GREETING"; echo "<4>a warning" >/dev/kmsg; printf "a\\nb" >&2; exit 7';
  const began = performance.now();
  const { status, output, console } = await runInVm(kernel, ['sh', '-c', script], {
    environment: { GREETING: "it's $HOME" },
  });
  assert.equal(output, `${kernel.release}\n${process.cwd()}\n0\nit's $HOME\na\nb`);
  assert.equal(status, 7);
  assert.match(console, /^\[.*\] a warning$/m);
  bootMs = performance.now() - began;
});

test('a VM that is late is stopped, and says what it was doing', { skip: noVm }, async (t) => {
  const kernel = await kernelOrWhy('6.12', (line) => t.diagnostic(line));
  if (typeof kernel === 'string') return t.skip(kernel);
  const command = runInVm(kernel, ['sh', '-c', 'echo started; sleep 10000'], { timeoutMs: 10_000 + 2 * bootMs });
  await assert.rejects(command, /its time was over.*started/s);
});

test('a kernel that dies is an error, not a status', { skip: noVm }, async (t) => {
  const kernel = await kernelOrWhy('6.12', (line) => t.diagnostic(line));
  if (typeof kernel === 'string') return t.skip(kernel);
  const command = runInVm(kernel, ['sh', '-c', 'echo c > /proc/sysrq-trigger']);
  await assert.rejects(command, /ended before its command did.*sysrq/is);
});
