// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// A recording of another kernel, made by the version that was current then: what was found there is found here.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readRecording } from './recording.ts';
import { judgeSnapshots } from './run-diagnosis.ts';

const RECORDED = join(import.meta.dirname, '../../test/recorded/linux-6.1');

test('a recording of Linux 6.1 has the findings here that it had there', async () => {
  const { header, snapshots } = await readRecording(`${RECORDED}.rec`);
  assert.match(header.kernel, /^6\.1\./);
  const { verdict, devices } = judgeSnapshots(snapshots, {}, header);
  const found = verdict.findings.map(({ severity, rule, device = '', queue = '' }) =>
    `${severity} ${rule} ${device} ${queue}`.trim(),
  );
  assert.deepEqual(found, readFileSync(`${RECORDED}.txt`, 'utf8').trim().split('\n'));
  assert.deepEqual(devices.map(({ name }) => name).sort(), ['tap0', 'tap1', 'tap2']);
  const owned = devices.flatMap(({ queues }) => queues.map(({ owner }) => owner?.identity?.vm ?? ''));
  assert.ok(owned.includes('vm-1'), String(owned));
});
