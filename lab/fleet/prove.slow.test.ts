// SPDX-License-Identifier: Apache-2.0
// `npm run fleet:prove`, smaller: no sample is lost while a receiver is down, and sums are the agents' own, packet for packet.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { onlyNightly } from '../../test/nightly.ts';

const SIZES = { HOSTS: '100', TAPS: '20', EVERY: '10', MINUTES: '2', AGENTS: '2' };

test('a fleet whose receiver is killed and started again', { skip: onlyNightly, timeout: 3_000_000 }, async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', 'lab/fleet/prove.ts'], {
    env: { ...process.env, ...SIZES },
  });
  t.diagnostic(stdout);
  assert.match(stdout, /: 0 lost\n/);
  assert.equal(stdout.match(/dropped, equal/g)?.length, Number(SIZES.AGENTS));
  assert.match(stdout, /tenants: p50 \S+ s, p99 \S+ s of 100 queries/);
});
