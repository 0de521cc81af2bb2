// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { GUEST_FILES } from './matrix.ts';

const root = join(import.meta.dirname, '../..');
const files = GUEST_FILES.map(({ file }) => file);

test('every test that only runs in VMs is in the matrix', () => {
  const own = ['lab/guest', 'dashboards/test'].flatMap((folder) =>
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
