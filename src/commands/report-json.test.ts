// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The built product's `report --json` of a real recording matches the schema.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { tapscope } from '../../test/agent/serve-process.ts';
import { listAt, numberAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { assertValid } from '../../test/host/valid-json.ts';

const RECORDED = join(import.meta.dirname, '../../test/recorded/linux-6.1.rec');

test('report --json of a recording of Linux 6.1', async () => {
  const { code, stdout, stderr } = await tapscope(['report', RECORDED, '--json']);
  assert.deepEqual([code, stderr], [2, '']);
  const report = parseJson(stdout);
  assertValid('report', report);
  assert.match(textAt(report, 'recording', 'kernel'), /^6\.1\./);
  assert.ok(listAt(report, 'findings').length >= 2);
  assert.ok(numberAt(report, 'findings', 0, 'figures', 'seconds') > 1);
});

test('report --json of one device, and of one that was not there', async () => {
  const one = await tapscope(['report', RECORDED, '--device', 'tap0', '--json']);
  assertValid('report', parseJson(one.stdout));
  const none = await tapscope(['report', RECORDED, '--device', 'tap9', '--json']);
  assert.deepEqual([none.code, none.stdout], [3, '']);
});
