// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { agentMetrics, cpuMetrics, deviceMetrics, queueMetrics } from '../subjects/list.ts';
import { scrapeMetrics } from '../subjects/scrape-metrics.ts';
import { metricsTable, withMetricsTable } from './metrics-table.ts';

const page = new URL('../../docs/metrics.md', import.meta.url);

test('every metric has one row', () => {
  const rows = metricsTable()
    .split('\n')
    .filter((line) => line.startsWith('| `tapscope_'));
  const names = rows.map((row) => row.split('`')[1]);
  const metrics = [...queueMetrics, ...cpuMetrics, ...deviceMetrics, ...agentMetrics, ...scrapeMetrics];
  assert.deepEqual(
    names,
    metrics.map(({ name }) => name),
  );
  for (const row of rows) assert.equal(row.replaceAll('\\|', '').split('|').length, 6, row);
});

test('the table goes between the markers and nowhere else', () => {
  const document = 'before\n<!-- metrics -->\nstale\n<!-- /metrics -->\nafter\n';
  const fresh = withMetricsTable(document);
  assert.equal(fresh, `before\n<!-- metrics -->\n\n${metricsTable()}\n<!-- /metrics -->\nafter\n`);
  assert.equal(withMetricsTable(fresh), fresh);
  for (const unmarked of ['', '<!-- metrics -->\n', '<!-- /metrics -->\n<!-- metrics -->\n']) {
    assert.throws(() => withMetricsTable(unmarked), {
      message: /^the document has no place for the metrics table: .*\.$/,
    });
  }
});

test('the table of docs/metrics.md is fresh (UPDATE=1 writes it)', () => {
  const document = readFileSync(page, 'utf8');
  if (process.env.UPDATE === '1') writeFileSync(page, withMetricsTable(document));
  assert.equal(readFileSync(page, 'utf8'), withMetricsTable(document));
});
