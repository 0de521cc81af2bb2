// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { GUEST_FILES } from './matrix.ts';

const root = join(import.meta.dirname, '../..');
const files = GUEST_FILES.map(({ file }) => file);

test('every test that only runs in VMs is in the matrix', () => {
  const own = ['test/guest', 'dashboards/test'].flatMap((folder) =>
    readdirSync(join(root, folder))
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
