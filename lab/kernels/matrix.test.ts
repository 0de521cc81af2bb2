// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { GUEST_FILES, splatsOf } from './matrix.ts';

const root = join(import.meta.dirname, '../..');
const files = GUEST_FILES.map(({ file }) => file);

test('every test that only runs in VMs is in the matrix', () => {
  const own = ['dashboards', 'lab', 'src', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.guest.ts'))
      .map((name) => `${folder}/${name}`),
  );
  const missing = own.filter((file) => !files.includes(file));
  assert.deepEqual(missing, [], 'add them to GUEST_FILES in lab/kernels/matrix.ts: on which kernels do they run?');
});

test('what the matrix names is there, once', () => {
  assert.deepEqual(
    files.filter((file, index) => !existsSync(join(root, file)) || files.indexOf(file) !== index),
    [],
  );
});

test('what the files of a kernel need is needed by the test that boots it', () => {
  const needsOf = (file: string): readonly string[] => {
    const [, needs] = /^.*\n\/\/ Needs: (.+)\.\n/.exec(readFileSync(join(root, file), 'utf8')) ?? [];
    assert.ok(needs, `${file} does not say on its second line what it needs`);
    return needs.split(', ').filter((need) => need !== "root on this machine's kernel");
  };
  const kernels = new Set(GUEST_FILES.flatMap(({ on }) => on));
  for (const kernel of kernels) {
    const needed = GUEST_FILES.filter(({ on }) => on.includes(kernel)).flatMap(({ file }) => needsOf(file));
    const own = needsOf(`lab/kernels/linux-${kernel}.vm.test.ts`);
    assert.deepEqual(
      needed.filter((need) => !own.includes(need)),
      [],
      kernel,
    );
  }
});

const FAULTS = [
  '[   45.043941] WARNING: CPU: 0 PID: 1 at net/core/dev.c:4321 netif_tx_stop_queue+0x1c/0x20',
  '[   12.1] BUG: unable to handle page fault for address: ffffffffc0a01000',
  '[   12.1] Oops: 0000 [#1] PREEMPT SMP NOPTI',
  '[   12.1] BUG: KASAN: slab-use-after-free in tun_net_xmit+0x10/0x20 [tun]',
  '[   12.1] WARNING: possible circular locking dependency detected',
  '[   12.1] INFO: possible recursive locking detected',
  '[   12.1] BUG: scheduling while atomic: node/123/0x00000002',
];
const USUAL = [
  '[    0.020000] tsc: Unable to calibrate against PIT',
  '[    0.565051] APIC calibration not consistent with PM-Timer: 75ms instead of 100ms',
  '[   33.248628] hrtimer: interrupt took 11193240 ns',
  '[    0.000000] clearcpuid: force-disabling CPU feature flag: rep_good',
  '[   52.735227] reboot: Power down',
];
const OF_A_BUSY_MACHINE = [
  '[   60.0] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [node:123]',
  '[   60.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
];

test("a kernel's report of its own fault is found among what it says otherwise", () => {
  const console = [...USUAL, ...FAULTS, ...OF_A_BUSY_MACHINE].join('\n');
  assert.deepEqual(splatsOf(console), FAULTS);
  assert.deepEqual(splatsOf([...USUAL, ...OF_A_BUSY_MACHINE].join('\n')), []);
});
