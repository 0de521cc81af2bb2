// SPDX-License-Identifier: Apache-2.0
// Needs: WHOLE=1, etcd-server, openssl.
// The chart before a real kube-apiserver: what it accepts and refuses, what Pod Security says of the pod, and Helm's own ways there and back.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { at, listAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import {
  type ApiServer,
  apply,
  CHART,
  helm,
  installCrds,
  NAMESPACE,
  objectsOf,
  provideCluster,
  startApiServer,
} from './api-server.ts';

const IMAGE = 'image.repository=registry.example/tapscope';
const OPERATOR = ['serviceMonitor.enabled=true', 'prometheusRule.enabled=true'];
const EVERYTHING = [
  IMAGE,
  ...OPERATOR,
  'agent.port=9100',
  'agent.detail=device',
  'agent.budget=off',
  'agent.pin=false',
  'agent.deviceInclude=vnet.*',
  'agent.deviceExclude=tap0',
  'agent.extraArgs={--mechanism=before=off}',
  'tenantMap.lines=vm web1 acme\nvm web2 globex\n',
  'webConfig.secret=tapscope-web',
  'libvirt=true',
  'serviceMonitor.labels.release=prometheus',
  'serviceMonitor.scheme=https',
  'serviceMonitor.scrapeTimeout=10s',
  'serviceMonitor.tlsConfig.insecureSkipVerify=true',
  'serviceMonitor.basicAuth.username.name=tapscope-scrape',
  'serviceMonitor.basicAuth.username.key=user',
  'serviceMonitor.metricRelabelings[0].action=labeldrop',
  'serviceMonitor.metricRelabelings[0].regex=thread',
  'priorityClassName=system-node-critical',
  'seLinuxOptions.type=spc_t',
  'image.pullSecrets[0].name=registry',
  'podLabels.team=network',
  'podAnnotations.team=network',
];
const ofKind = (objects: readonly unknown[], kind: string): unknown =>
  objects.find((object) => at(object, 'kind') === kind) ?? assert.fail(`no ${kind}`);

test('the chart before a real kube-apiserver', { skip: await provideCluster() }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-kubernetes-'));
  const server = await startApiServer(t, folder);
  t.after(async () => rmSync(folder, { recursive: true, force: true }));
  await namespace(server, NAMESPACE, docsLabel());
  await t.test('Helm installs it where there is no prometheus-operator, and says what its switches need', (step) =>
    withoutOperator(step, server),
  );
  await installCrds(server);
  for (const [name, values] of [
    ['as it is', [IMAGE]],
    ['with every switch', EVERYTHING],
  ] as const)
    await t.test(`${name}: a server-side dry run is accepted without a warning, and keeps nothing`, () =>
      accepted(server, values),
    );
  await t.test('what is wrong is refused by the same check', () => refused(server));
  await t.test('what the docs say is typed: Helm installs, upgrades, and uninstalls all of it', () => typed(server));
  await t.test('bad values are refused in words before anything is installed', () => badValues(server));
  await t.test(
    'Pod Security takes the pod in a namespace labelled as docs say, and names its rights elsewhere',
    (step) => podSecurity(step, server),
  );
});

/** The label that docs/kubernetes.md tells people to give the namespace. */
function docsLabel(): Readonly<Record<string, string>> {
  const [, label = '', value = ''] =
    /^kubectl label namespace tapscope (\S+)=(\S+)$/m.exec(readFileSync('docs/kubernetes.md', 'utf8')) ?? [];
  return { [label]: value };
}

async function namespace(server: ApiServer, name: string, labels: Readonly<Record<string, string>>): Promise<void> {
  const made = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
  const { status, body } = await apply(server, made, false);
  assert.ok(status <= 201, body);
}

/** What Helm says of a failure. */
function failure(server: ApiServer, words: readonly string[]): string {
  try {
    helm(words, { KUBECONFIG: server.kubeconfig });
  } catch (error) {
    return String(at(error, 'stderr'));
  }
  return assert.fail(`helm ${words.join(' ')} succeeded`);
}

async function kept(server: ApiServer): Promise<readonly string[]> {
  const lists = ['apis/apps/v1/namespaces/tapscope/daemonsets', 'api/v1/namespaces/tapscope/services'];
  const answers = await Promise.all(lists.map((list) => server.ask('GET', `/${list}`)));
  return answers.flatMap(({ body }) =>
    listAt(parseJson(body), 'items').map((item) => textAt(item, 'metadata', 'name')),
  );
}

async function withoutOperator(t: TestContext, server: ApiServer): Promise<void> {
  const install = ['install', 'tapscope', CHART, '--namespace', NAMESPACE, '--set', IMAGE];
  const said = failure(server, [...install, ...OPERATOR.flatMap((value) => ['--set', value])]);
  t.diagnostic(said.trim().split('\n').at(-1) ?? '');
  assert.match(said, /no matches for kind "(ServiceMonitor|PrometheusRule)".*\n?.*ensure CRDs are installed first/);
  assert.deepEqual(await kept(server), [], 'nothing half-written');
  helm(install, { KUBECONFIG: server.kubeconfig });
  assert.deepEqual(await kept(server), ['tapscope', 'tapscope']);
  helm(['uninstall', 'tapscope', '--namespace', NAMESPACE], { KUBECONFIG: server.kubeconfig });
}

async function accepted(server: ApiServer, values: readonly string[]): Promise<void> {
  const objects = objectsOf(values);
  for (const object of objects) {
    const { status, body, warnings } = await apply(server, object, true);
    assert.ok(status <= 201, `${at(object, 'kind')}: ${body}`);
    assert.deepEqual(warnings, []);
  }
  assert.deepEqual(await kept(server), []);
  if (!values.includes(OPERATOR[1] ?? '')) return;
  const files = ['dashboards/rules/recording.yml', 'dashboards/rules/alerts.yml', 'deploy/fleet/tapscope-fleet.yml'];
  const groups = files.flatMap((file) => listAt(parse(readFileSync(file, 'utf8'), { merge: true }), 'groups'));
  assert.deepEqual(listAt(ofKind(objects, 'PrometheusRule'), 'spec', 'groups'), groups);
}

/** Objects that must be refused: each is the chart's own with one thing changed. */
async function refused(server: ApiServer): Promise<void> {
  const objects = objectsOf(EVERYTHING);
  const pod = (text: string): string => text.replace('"hostPID":true', '"hostPid":true');
  const cases: readonly (readonly [kind: string, change: (text: string) => string, said: RegExp])[] = [
    ['DaemonSet', pod, /hostPid: field not declared in schema|unknown field .*hostPid/],
    ['DaemonSet', (text) => text.replace('"SYS_ADMIN"', '"CAP_SYS_ADMIN"'), /cannot set `allowPrivilegeEscalation`/],
    ['DaemonSet', (text) => text.replace('"privileged":false', '"privileged":true'), /privileged/],
    ['DaemonSet', (text) => text.replace('"containerPort":9100', '"containerPort":91000'), /between 1 and 65535/],
    [
      'DaemonSet',
      (text) => text.replace('"mountPath":"/run/netns"', '"mountPath":"/run/tapscope"'),
      /duplicate entries for key/,
    ],
    ['Service', (text) => text.replace('"clusterIP":"None"', '"clusterIP":"none"'), /clusterIP/],
    ['ServiceMonitor', (text) => text.replace('"interval":"15s"', '"interval":"15"'), /interval/],
    ['ServiceMonitor', (text) => text.replace('"relabelings"', '"relabellings"'), /relabellings/],
    ['PrometheusRule', (text) => text.replace('"expr"', '"expression"'), /expr/],
    ['PrometheusRule', (text) => text.replace('"for":"5m"', '"for":"5 minutes"'), /for/],
  ];
  for (const [kind, change, said] of cases) {
    const text = JSON.stringify(ofKind(objects, kind));
    assert.notEqual(change(text), text, String(said));
    const { status, body } = await apply(server, parseJson(change(text)), true);
    // A field that no schema has is answered with 500.
    assert.ok(status >= 400, `${kind} ${said}: ${status} ${body}`);
    assert.match(textAt(parseJson(body), 'message'), said);
  }
}

async function podSecurity(t: TestContext, server: ApiServer): Promise<void> {
  await namespace(server, 'watched', { 'pod-security.kubernetes.io/enforce': 'baseline' });
  const objects = objectsOf([IMAGE]);
  const template = at(ofKind(objects, 'DaemonSet'), 'spec', 'template');
  const podIn = async (place: string): Promise<{ readonly status: number; readonly message: string }> => {
    const account = { ...Object(ofKind(objects, 'ServiceAccount')), metadata: { name: 'tapscope', namespace: place } };
    assert.ok((await apply(server, account, false)).status <= 201);
    const metadata = { ...Object(at(template, 'metadata')), name: 'tapscope', namespace: place };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: at(template, 'spec') };
    const { status, body, warnings } = await apply(server, pod, true);
    assert.deepEqual(warnings, []);
    return { status, message: String(at(parseJson(body), 'message')) };
  };
  const taken = await podIn(NAMESPACE);
  assert.equal(taken.status, 201, taken.message);
  const { status, message } = await podIn('watched');
  t.diagnostic(message);
  assert.equal(status, 403);
  for (const right of ['hostNetwork=true', 'hostPID=true', 'hostPath volumes', 'hostPort', 'AppArmor'])
    assert.ok(message.toLowerCase().includes(right.toLowerCase()), `${right}: ${message}`);
  assert.match(message, /non-default capabilities \(container "agent" must not include [^)]*"SYS_ADMIN"/);
  assert.doesNotMatch(message, /privileged=true|seccomp/);
}

/** The lines of docs/kubernetes.md that begin with helm. */
async function typed(server: ApiServer): Promise<void> {
  const lines = [...readFileSync('docs/kubernetes.md', 'utf8').matchAll(/^helm (.*)$/gm)].map(
    ([, words = '']) => words,
  );
  assert.deepEqual(
    lines.map((words) => words.split(' ')[0]),
    ['install', 'upgrade'],
  );
  for (const words of lines) helm(words.split(' '), { KUBECONFIG: server.kubeconfig });
  assert.deepEqual(await kept(server), ['tapscope', 'tapscope']);
  const places = ['servicemonitors', 'prometheusrules'].map(
    (kind) => `/apis/monitoring.coreos.com/v1/namespaces/tapscope/${kind}/tapscope`,
  );
  for (const place of places) assert.equal((await server.ask('GET', place)).status, 200);
  helm(['uninstall', 'tapscope', '--namespace', NAMESPACE], { KUBECONFIG: server.kubeconfig });
  for (const place of places) assert.equal((await server.ask('GET', place)).status, 404);
  assert.deepEqual(await kept(server), []);
}

async function badValues(server: ApiServer): Promise<void> {
  const install = ['install', 'tapscope', CHART, '--namespace', NAMESPACE];
  for (const [values, said] of [
    [[], /image\.repository is empty: name the image that you built from deploy\/Dockerfile and pushed/],
    [[IMAGE, 'agent.prot=9000'], /agent.*prot/],
    [[IMAGE, 'agent.port=99999'], /port.*65,?535/],
    [[IMAGE, 'agent.detail=packet'], /detail/],
    [[IMAGE, 'tenantMap.lines=vm a b', 'tenantMap.configMap=c'], /tenantMap has both lines and configMap/],
  ] as const)
    assert.match(failure(server, [...install, ...values.flatMap((value) => ['--set', value])]), said);
  assert.deepEqual(await kept(server), []);
}
