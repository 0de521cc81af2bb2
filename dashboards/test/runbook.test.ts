// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Shell arithmetic of the pages, with values that no test host has.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { runbooks } from './runbook.ts';

test('RingFullLoss: the ring is made bigger, where there is none it gets one, and the kernel’s limit is kept', () => {
  const page = runbooks().find(({ name }) => name === 'TapscopeRingFullLoss') ?? assert.fail();
  const arithmetic = page.blocks
    .join('\n')
    .split('\n')
    .filter((line) => /^(length=\$\{|new=)/.test(line));
  const script = [...arithmetic, 'echo "$new"'].join('\n');
  const bigger = (length: string): string =>
    execFileSync('sh', ['-euc', script], { encoding: 'utf8', env: { length } }).trim();
  for (const [length, wanted] of [
    // `ip` prints no qlen for 0.
    ['', '1000'],
    ['0', '1000'],
    ['500', '1000'],
    ['1000', '2000'],
    ['15999', '31998'],
    // Linux 7.2 and 7.3 refuse more than 32 767.
    ['16384', '32000'],
    ['32000', '32000'],
    // Set on an older kernel: never smaller.
    ['40000', '40000'],
  ])
    assert.equal(bigger(length ?? ''), wanted, length);
});
