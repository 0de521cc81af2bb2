// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// deploy/kubernetes/tapscope, as far as it can be judged without Helm: it agrees with the agent, the service unit and the rules.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { serveFlags } from '../../src/commands/options/serve-options.ts';
import { capabilityNames } from '../../src/kernel/host.ts';
import { logFormats, logLevels } from '../../src/log/log-format.ts';
import { details } from '../../src/outputs/prometheus/detail.ts';
import { at, listAt, parseJson, textAt } from '../../test/host/checked-json.ts';

const CHART = 'deploy/kubernetes/tapscope';
const read = (file: string): string => readFileSync(join(CHART, file), 'utf8');
const values: unknown = parse(read('values.yaml'));
const schema = parseJson(read('values.schema.json'));
const daemonSet = read('templates/daemonset.yaml');

test('chart and image have the version of the package', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const chart: unknown = parse(read('Chart.yaml'));
  assert.deepEqual([textAt(chart, 'version'), textAt(chart, 'appVersion')], [version, version]);
});

test('the agent has the rights of the product, and those by which the process that serves becomes another user', () => {
  const [, added = ''] = /^ +add: \[(.*)\]$/m.exec(daemonSet) ?? [];
  assert.deepEqual(
    added.split(', ').map((name) => `CAP_${name}`),
    [...capabilityNames, 'CAP_SETGID', 'CAP_SETUID', 'CAP_KILL'],
  );
  assert.match(daemonSet, /^ +drop: \[ALL\]$/m);
  assert.doesNotMatch(daemonSet, /privileged: true/);
});

test("its flags are the agent's, with the same defaults", () => {
  const fallback = (name: string): string | undefined =>
    serveFlags.find(({ flags }) => flags.split(' ')[0] === `--${name}`)?.fallback;
  for (const [, name = ''] of daemonSet.matchAll(/--([a-z.-]+)(?==|\n)/g))
    assert.ok(
      serveFlags.some(({ flags }) => flags.split(' ')[0] === `--${name}`),
      name,
    );
  assert.equal(`127.0.0.1:${at(values, 'agent', 'port')}`, fallback('web.listen-address'));
  for (const [value, flag] of [
    ['detail', 'detail'],
    ['budget', 'budget'],
    ['logLevel', 'log.level'],
    ['logFormat', 'log.format'],
  ] as const)
    assert.equal(at(values, 'agent', value), fallback(flag));
});

test('the schema has what the agent takes, and every value', () => {
  const agent = ['properties', 'agent', 'properties'];
  assert.deepEqual(at(schema, ...agent, 'detail', 'enum'), details);
  assert.deepEqual(at(schema, ...agent, 'logLevel', 'enum'), logLevels);
  assert.deepEqual(at(schema, ...agent, 'logFormat', 'enum'), logFormats);
  const known = Object.keys(at(schema, 'properties') ?? {}).filter((name) => name !== 'global');
  assert.deepEqual(Object.keys(values ?? {}), known);
});

test('its rules are the files that Prometheus loads elsewhere', () => {
  const linked = readdirSync(CHART, { withFileTypes: true }).filter((entry) => entry.isSymbolicLink());
  assert.deepEqual(
    Object.fromEntries(linked.map(({ name }) => [name, relative('.', realpathSync(join(CHART, name)))])),
    {
      'alerts.yml': 'dashboards/rules/alerts.yml',
      'recording.yml': 'dashboards/rules/recording.yml',
      'tapscope-fleet.yml': 'deploy/fleet/tapscope-fleet.yml',
    },
  );
  const template = read('templates/prometheusrule.yaml');
  for (const { name } of linked) {
    assert.ok(template.includes(`"${name}"`), name);
    assert.ok(listAt(parse(read(name)), 'groups').length > 0);
  }
});

test('docs/kubernetes.md explains every value', () => {
  const page = readFileSync('docs/kubernetes.md', 'utf8');
  for (const name of Object.keys(values ?? {}))
    assert.match(page, new RegExp(`\`${name}[.\`]`), `${name} is not on the page`);
});
