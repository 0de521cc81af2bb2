// SPDX-License-Identifier: Apache-2.0
// Needs: prometheus.
// The shares that the dashboard Fleet shows, asked of promtool where more was lost in five minutes than was offered in them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fleetDashboard } from '../boards/fleet-dashboard.ts';
import { panelsOf } from '../promql/panel-queries.ts';

/** A queue that was closed: 259 packets of its ring are lost, of which 100 were offered in this time. */
const SERIES = ['kernel', 'tenant'].flatMap((factor) => [
  { series: `factor:tapscope_lost_packets:rate5m{factor="${factor}",value="x"}`, values: '259x5' },
  { series: `factor:tapscope_offered_packets:rate5m{factor="${factor}",value="x"}`, values: '100x5' },
]);
const LOSING = 'tap:tapscope_lost:ratio_rate5m{instance="kvm1:10747",netns="1",device="vnet0"}';

test('no share of the dashboard Fleet is above 1', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-share-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const shares = panelsOf(fleetDashboard()).flatMap(({ queries }) =>
    queries.filter(({ unit }) => unit === 'percentunit').map(({ expr }) => expr),
  );
  assert.ok(shares.length >= 5, String(shares.length));
  const tests = {
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: [...SERIES, { series: LOSING, values: '2.59x5' }],
        promql_expr_test: shares.map((expr) => ({
          expr: `max(${expr})`,
          eval_time: '3m',
          exp_samples: [{ labels: '{}', value: 1 }],
        })),
      },
    ],
  };
  writeFileSync(join(folder, 'share.yml'), JSON.stringify(tests));
  execFileSync('promtool', ['test', 'rules', join(folder, 'share.yml')], { stdio: 'pipe' });
});
