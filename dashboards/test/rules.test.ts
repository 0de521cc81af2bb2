// SPDX-License-Identifier: Apache-2.0
// Needs: prometheus.
// The rules as text: what they name exists, promtool accepts them and their tests, and each alert has its page.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { deviceMetrics, queueMetrics } from '../../src/subjects/list.ts';
import { catalogue } from '../promql/query.ts';
import { RULE_FILES } from './rule-files.ts';
import { alertNames, runbooks } from './runbook.ts';

const run = promisify(execFile);
const texts = RULE_FILES.map((file) => ({ file, text: readFileSync(file, 'utf8') }));

test('promtool accepts the rules, and each alert fires, stays silent and clears as it should', async () => {
  await run('promtool', ['check', 'rules', '--lint-fatal', ...RULE_FILES]);
  await run('promtool', ['test', 'rules', 'dashboards/test/alerts.test.yml']);
  const tests = readFileSync('dashboards/test/alerts.test.yml', 'utf8');
  for (const name of alertNames()) assert.match(tests, new RegExp(`alertname="${name}"`), `${name} is never tested`);
});

test('rules name metrics of the catalogue, or what is recorded', () => {
  const recorded = texts.flatMap(({ text }) => [...text.matchAll(/record: (\S+)/g)].map(([, name]) => name));
  const measured = catalogue.flatMap(({ name, type }) =>
    type === 'histogram' ? [name, `${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
  );
  const known = new Set([...measured, ...recorded]);
  assert.ok(recorded.length > 0);
  for (const { file, text } of texts) {
    const names = text.replace(/^#.*$|\$externalLabels\.\w+/gm, '').match(/\b(?:\w+:)?tapscope_[\w:]+/g) ?? [];
    assert.ok(names.length > 0, file);
    assert.deepEqual(
      names.filter((name) => !known.has(name)),
      [],
      file,
    );
  }
});

/** Each stands beside what core has instead of it. */
const INSTEAD_OF = {
  tapscope_queue_delivered_packets_total: 'tapscope_device_transmit_packets_total',
  tapscope_ring_lag_packets: 'tapscope_ring_capacity_packets - 15',
  tapscope_device_transmit_dropped_packets_total: 'sum without (queue, reason) (',
};

test('--detail core has what the rules of a host and of a fleet ask of devices, but for the time in the ring', () => {
  const fleet = readFileSync('deploy/fleet/tapscope-fleet.yml', 'utf8');
  const asked = [...texts.map(({ text }) => text), fleet].join('\n').replace(/^ *#.*$/gm, '');
  const others = [...queueMetrics, ...deviceMetrics].filter(({ core }) => !core).map(({ name }) => name);
  assert.deepEqual(
    others.filter((name) => new RegExp(`(?<![\\w:])${name}(_bucket|_count|_sum)?\\b`).test(asked)),
    [
      'tapscope_queue_delivered_packets_total',
      'tapscope_ring_lag_packets',
      'tapscope_queue_sojourn_seconds',
      'tapscope_device_transmit_dropped_packets_total',
    ],
  );
  for (const [name, instead] of Object.entries(INSTEAD_OF))
    for (const rule of asked.split(/- (?:alert|record): /).filter((text) => text.includes(name)))
      assert.ok(rule.includes(instead), `${name} without ${instead} in ${rule}`);
});

test('what is recorded is judged by an alert', () => {
  const judged = texts.map(({ text }) => text.replace(/record: \S+/g, '')).join('\n');
  for (const { text } of texts)
    for (const [, name = ''] of text.matchAll(/record: (\S+)/g)) assert.ok(judged.includes(name), name);
});

test('each alert has a page with something to type, and each page an alert', () => {
  const pages = runbooks();
  assert.deepEqual(pages.map(({ name }) => name).sort(), [...alertNames()].sort());
  const alerts = readFileSync('dashboards/rules/alerts.yml', 'utf8');
  for (const { name, text, blocks } of pages) {
    assert.ok(alerts.includes(`docs/runbooks{{ end }}/${name}.md'\n`), name);
    assert.match(text, new RegExp(`^# ${name}$`, 'm'));
    assert.ok(blocks.length > 0, `${name} has nothing to type`);
  }
});

test('each page asks the agent in one way, that of its first block, which is changed where TLS and a password are asked for', () => {
  const asking = runbooks().filter(({ text }) => text.includes('curl'));
  assert.ok(asking.length > 10);
  for (const { name, text, blocks } of asking) {
    const [first = '', ...others] = blocks;
    assert.match(first, /^metrics\(\) \{ curl .*"http:\/\/\$instance\/metrics"; \}\n$/, name);
    assert.ok(!others.some((block) => block.includes('http')), name);
    assert.match(text, /`curl .* --user USER --cacert CA "https:\/\/\$instance\/metrics"`/, name);
  }
});
