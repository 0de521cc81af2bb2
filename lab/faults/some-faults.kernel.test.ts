// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Some of the faults of `npm run test:faults`, one round each; docs/reliability.md has all.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { packageRoot } from '../../src/kernel/package.ts';
import { dismissStanding } from '../../test/agent/shared-agent.ts';
import { noLab } from '../../test/host/netns.ts';

const SOME = [
  'SIGKILL under load',
  'too few descriptors at the start',
  'a second agent is started',
  'an intruder in the process that serves tries all that it can, in a container whose processes have one user',
  'txqueuelen goes to 1 and back under load',
  'the reader is killed (-9), its tap persists',
];

test(`${SOME.length} faults: every figure is right or marked, and nothing is left`, { skip: noLab }, async (t) => {
  await dismissStanding();
  const words = ['--import', 'tsx', join(packageRoot(), 'lab/faults/main.ts'), '--rounds=1', ...SOME];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [[code], table, complaints] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)]);
  t.diagnostic(complaints);
  assert.equal(code, 0, complaints);
  for (const name of SOME) assert.ok(table.includes(`| ${name} | 1 | 0 |`), `${name} is in\n${table}`);
});
