// SPDX-License-Identifier: Apache-2.0
// Needs: jsonnet, prometheus.
// The mixin, as a real jsonnet evaluates it: by itself what is shipped, and with a configuration what that says. UPDATE=1 writes its rules.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { at, listAt, parseJson } from '../../test/host/checked-json.ts';
import { asJson, written } from '../dashboard-files.ts';

/** jsonnet reads no YAML with anchors: the mixin imports the same rules as JSON, with a mark where matchers go. */
const RULES = {
  alerts: 'dashboards/rules/alerts.yml',
  recording: 'dashboards/rules/recording.yml',
  'fleet-alerts': 'deploy/fleet/tapscope-fleet-alerts.yml',
  'fleet-recording': 'deploy/fleet/tapscope-fleet.yml',
} as const;

function evaluate(config: string, field: string): unknown {
  const program = `(import 'mixin.libsonnet') + { _config+:: ${config} }`;
  const words = ['--jpath', 'dashboards', '-e', `(${program}).${field}`];
  return parseJson(execFileSync('jsonnet', words, { encoding: 'utf8', maxBuffer: 2 ** 26 }));
}

/** Marks where each metric of an agent takes further matchers; what is recorded has a colon in its name. */
function withPlace(key: string, value: unknown): unknown {
  if (key !== 'expr' || typeof value !== 'string') return value;
  return value
    .replace(/(?<![\w:"])(tapscope_\w+|up)\b(?![:(])(\{)?/g, (_, name: string, brace?: string) =>
      brace === undefined ? `${name}{$selector}` : `${name}{$selector,`,
    )
    .replaceAll('{__name__', '{$selector,__name__');
}

/** Every query below a value; a constant is none. */
function queriesIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null || at(value, 'type') === 'constant') return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    (key === 'expr' || key === 'query') && typeof inner === 'string' ? [inner] : queriesIn(inner),
  );
}

function shippedRules(name: keyof typeof RULES): unknown {
  return parse(readFileSync(RULES[name], 'utf8'), { merge: true });
}

for (const [name, source] of Object.entries(RULES))
  test(`mixin/${name}.json is ${source}`, () => {
    const file = `dashboards/mixin/${name}.json`;
    const made = `${JSON.stringify(parse(readFileSync(source, 'utf8'), { merge: true }), withPlace, 2)}\n`;
    if (process.env.UPDATE === '1') writeFileSync(file, made);
    assert.equal(readFileSync(file, 'utf8'), made);
  });

test('without a configuration the mixin is what is shipped', () => {
  const dashboards = written.map(({ name, dashboard }) => [`tapscope-${name}.json`, parseJson(asJson(dashboard))]);
  assert.deepEqual(evaluate('{}', 'grafanaDashboards'), Object.fromEntries(dashboards));
  assert.deepEqual(evaluate('{}', 'prometheusAlerts'), shippedRules('alerts'));
  assert.deepEqual(evaluate('{}', 'prometheusRules'), shippedRules('recording'));
});

test('a configuration narrows every query, and says where links lead', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-mixin-'));
  try {
    const config = `{ selector: 'cluster="c1"', jobSelector: 'job=~"vm-.*"', fleetRecording: true, fleetAlerts: true, pages: 'https://',
      runbooks: 'https://wiki.example/runbooks', grafana: 'https://grafana.example', dashboardTags: ['net'], dashboardNamePrefix: 'KVM / ' }`;
    const dashboards = evaluate(config, 'grafanaDashboards');
    for (const { name, dashboard } of written) {
      const own = at(dashboards, `tapscope-${name}.json`);
      assert.equal(at(own, 'title'), `KVM / ${dashboard.title}`);
      assert.deepEqual(at(own, 'tags'), ['net']);
      assertNarrowed(queriesIn(own), queriesIn(parseJson(asJson(dashboard))));
      const constants = listAt(own, 'templating', 'list').filter((one) => at(one, 'type') === 'constant');
      assert.deepEqual(
        constants.map((one) => at(one, 'query')),
        ['https://wiki.example/runbooks', 'https://'],
      );
    }
    const alerts = evaluate(config, 'prometheusAlerts');
    const recording = evaluate(config, 'prometheusRules');
    assertNarrowed(queriesIn(alerts), [
      ...queriesIn(shippedRules('alerts')),
      ...queriesIn(shippedRules('fleet-alerts')),
    ]);
    assertNarrowed(queriesIn(recording), [
      ...queriesIn(shippedRules('recording')),
      ...queriesIn(shippedRules('fleet-recording')),
    ]);
    const texts = JSON.stringify(alerts);
    assert.doesNotMatch(texts, /externalLabels|http:/);
    assert.match(
      texts,
      /\{\{ with \\"https:\/\/wiki\.example\/runbooks\\" \}\}[^"]*\\"\/\+\$\\"[^/]*\/runbooks\{\{ end \}\}\/TapscopeRingStalled\.md"/,
    );
    assert.match(texts, /\{\{ with \\"https:\/\/wiki\.example\/runbooks\\" \}\}[^#]*\/rules\.md#/);
    assert.match(texts, /"https:\/\/grafana\.example\/d\/tapscope-queue\?/);
    const files = Object.entries({ alerts, recording }).map(([name, rules]) => {
      writeFileSync(join(folder, `${name}.json`), JSON.stringify(rules));
      return join(folder, `${name}.json`);
    });
    execFileSync('promtool', ['check', 'rules', '--lint-fatal', ...files], { stdio: 'pipe' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Asserts that each metric of an agent has the matcher, and that every query without it is the shipped one. */
function assertNarrowed(queries: readonly string[], shipped: readonly string[]): void {
  const bare = (expr: string): string => expr.replaceAll('{}', '');
  const restored = queries.map((expr) =>
    bare(expr.replace(/cluster="c1",?/g, '').replaceAll('job=~"vm-.*"', 'job="tapscope"')),
  );
  // jsonnet sorts the fields of its objects.
  assert.deepEqual(restored.toSorted(), shipped.map(bare).toSorted());
  for (const expr of queries) {
    const outside = expr.replace(/"(?:[^"\\]|\\.)*"/g, '""');
    const names = [...outside.matchAll(/(?<![\w:])(?:tapscope_\w+|up|(?=\{__name__))(?![\w:])(\{\w+)?/g)];
    for (const [found, matcher] of names) assert.equal(matcher, '{cluster', `${found} in ${expr}`);
  }
}
