// SPDX-License-Identifier: Apache-2.0
// Needs: prometheus.
// A tap of which only a queue is inexact is inexact for the rules of a fleet and on the dashboard VM, at each level of detail: asked of promtool.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { INFO } from '../../src/fleet/tier.ts';
import { cataloguePage, goldenSeen, goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { vmDashboard } from '../boards/vm-dashboard.ts';
import { filledIn, panelsOf } from '../promql/panel-queries.ts';

const DETAILS = ['core', 'device', 'queue', 'full', 'cpu'] as const;
const PANEL = 'Inexact devices';
const ANY = { instance: 'kvm1:10747', netns: '.*', device: '.*', guest: 'web "1"' };

/** Both taps belong to one guest; the second queue of the first one is marked, and no device. */
const [marked = assert.fail(), unmarked = assert.fail()] = goldenSnapshot.devices;

async function inputOf(detail: (typeof DETAILS)[number]): Promise<readonly object[]> {
  const page = await text(cataloguePage(detail).scrape({ ...goldenSeen, devices: [marked, unmarked] }, 'text'));
  const asked = /^(tapscope_(?:(?:device|queue)_degraded|device_(?:up|info|owner_info)|build_info)\{)(.*) (\d+)$/gm;
  return [...page.matchAll(asked)].map(([, name, labels, value]) => ({
    series: `${name}job="tapscope",instance="${ANY.instance}",${labels}`,
    values: `${value}x1`,
  }));
}

test('the mark of a queue is not hidden by its device, which has none', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-inexact-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const panel = panelsOf(vmDashboard()).find(({ title }) => title === PANEL)?.queries[0] ?? assert.fail(PANEL);
  const promql_expr_test = [
    {
      expr: `max by (netns) (${INFO.expr})`,
      exp_samples: [
        { labels: `{netns="${marked.netns}"}`, value: 0 },
        { labels: `{netns="${unmarked.netns}"}`, value: 1 },
      ],
    },
    { expr: filledIn(panel.expr, ANY), exp_samples: [{ labels: '{}', value: 1 }] },
  ].map((asked) => ({ ...asked, eval_time: '1m' }));
  const tests = await Promise.all(
    DETAILS.map(async (name) => ({ name, interval: '1m', input_series: await inputOf(name), promql_expr_test })),
  );
  assert.ok(tests.every(({ input_series }) => input_series.length >= 9));
  writeFileSync(join(folder, 'inexact.yml'), JSON.stringify({ evaluation_interval: '1m', tests }));
  execFileSync('promtool', ['test', 'rules', join(folder, 'inexact.yml')], { stdio: 'pipe' });
});
