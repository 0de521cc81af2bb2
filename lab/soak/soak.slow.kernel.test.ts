// SPDX-License-Identifier: Apache-2.0
// A quarter of an hour of `npm run soak`: nothing wrong, nothing left, and nothing that grows.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { packageRoot } from '../../src/kernel/package.ts';
import { dismissStanding } from '../../test/agent/shared-agent.ts';
import { noLab } from '../../test/host/netns.ts';
import { onlyNightly } from '../../test/nightly.ts';

test('15 minutes of changes, traffic, clients and faults', { skip: onlyNightly || noLab }, async (t) => {
  await dismissStanding();
  const words = ['--import', 'tsx', join(packageRoot(), 'lab/soak/main.ts'), '--hours=0.25'];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill());
  const [[code], table, complaints] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)]);
  t.diagnostic(table);
  assert.equal(code, 0, complaints);
});
