// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { freePort } from './free-port.ts';

const ASKED = 200;

test('no port is given twice, by this process or another, and none that the kernel gives away itself', async () => {
  const own = await Promise.all(Array.from({ length: ASKED }, freePort));
  const script = `import { freePort } from './test/host/free-port.ts';
    console.log(JSON.stringify(await Promise.all(Array.from({ length: ${ASKED} }, freePort))));`;
  const words = ['--import', 'tsx', '--input-type=module', '--eval', script];
  const others: readonly number[] = JSON.parse(execFileSync(process.execPath, words, { encoding: 'utf8' }));
  assert.equal(new Set([...own, ...others]).size, 2 * ASKED);
  const [first = 0] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/).map(Number);
  assert.ok(Math.max(...own, ...others) < first);
});
