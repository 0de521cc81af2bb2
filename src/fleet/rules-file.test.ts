// SPDX-License-Identifier: Apache-2.0
// The recording rules that people load are those that `tapscope fleet` asks for. UPDATE=1 writes the file.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { FACTOR_TIER } from './factor-tier.ts';
import { HOST_TIER, TAP_TIER } from './tier.ts';

const FILE = 'deploy/fleet/tapscope-fleet.yml';
const HEAD = `# SPDX-License-Identifier: Apache-2.0
# Loaded by the Prometheus that scrapes the hosts: eight series for each tap, one more while it loses packets, ten for each
# host, and counts by kernel, qdisc, ring size and tenant. Send on what begins with tap:, host: or factor: (docs/fleet.md). Made from src/fleet: UPDATE=1 npm test -- fleet/rules-file
`;

function fileOf(): string {
  const groups = [
    { name: 'tapscope-fleet-taps', interval: '60s', rules: TAP_TIER },
    { name: 'tapscope-fleet-hosts', interval: '60s', rules: HOST_TIER },
    { name: 'tapscope-fleet-factors', interval: '60s', rules: FACTOR_TIER },
  ];
  return HEAD + stringify({ groups }, { lineWidth: 0 });
}

test(`${FILE} is what src/fleet says`, () => {
  if (process.env.UPDATE) writeFileSync(FILE, fileOf());
  assert.equal(readFileSync(FILE, 'utf8'), fileOf());
});

test('promtool accepts the rules', async () => {
  await promisify(execFile)('promtool', ['check', 'rules', '--lint-fatal', FILE]);
});
