// SPDX-License-Identifier: Apache-2.0
// Needs: prometheus.
// The recording rules that people load are those that `tapscope fleet` asks for. UPDATE=1 writes the file.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { HOST_TIER, TAP_TIER } from '../../src/fleet/tier.ts';
import { FLEET_ALERTS } from './factor-queries.ts';
import { FACTOR_TIER } from './factor-tier.ts';

const FILE = 'deploy/fleet/tapscope-fleet.yml';
const HEAD = `# SPDX-License-Identifier: Apache-2.0
# Loaded by the Prometheus that scrapes the hosts: eight series for each tap, one more while it loses packets, ten for each
# host, and counts by kernel, qdisc, ring size and tenant. Send on what begins with tap:, host: or factor: (docs/fleet.md). Made from src/fleet/tier.ts and dashboards/promql/factor-tier.ts: UPDATE=1 npm test -- rules-file
`;

function fileOf(): string {
  const groups = [
    { name: 'tapscope-fleet-taps', interval: '60s', rules: TAP_TIER },
    { name: 'tapscope-fleet-hosts', interval: '60s', rules: HOST_TIER },
    { name: 'tapscope-fleet-factors', interval: '60s', rules: FACTOR_TIER },
  ];
  return HEAD + stringify({ groups }, { lineWidth: 0 });
}

const ALERTS = 'deploy/fleet/tapscope-fleet-alerts.yml';
const ALERTS_HEAD = `# SPDX-License-Identifier: Apache-2.0
# Of the whole fleet, for Thanos Ruler, vmalert or any Prometheus that has what tapscope-fleet.yml records of all shards.
# Made from dashboards/promql/factor-queries.ts: UPDATE=1 npm test -- rules-file
`;

function alertsFile(): string {
  const groups = [{ name: 'tapscope-fleet-alerts', rules: FLEET_ALERTS }];
  return ALERTS_HEAD + stringify({ groups }, { lineWidth: 0 });
}

for (const [file, made] of [
  [FILE, fileOf],
  [ALERTS, alertsFile],
] as const)
  test(`${file} is what src/fleet says`, () => {
    if (process.env.UPDATE) writeFileSync(file, made());
    assert.equal(readFileSync(file, 'utf8'), made());
  });

test('promtool accepts the rules', async () => {
  await promisify(execFile)('promtool', ['check', 'rules', '--lint-fatal', FILE, ALERTS]);
});
