// SPDX-License-Identifier: Apache-2.0
// A real kube-apiserver on a real etcd, without nodes: what it is given is checked, admitted and kept as in any cluster.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cp, mkdir, rename } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { at, listAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { freePort } from '../../test/host/free-port.ts';
import { cachePath, HELM, type Need, pathOf, provide } from '../../test/host/need.ts';
import { run } from '../../test/host/run.ts';

const READY_WITHIN_MS = 180_000;
const TOKEN = 'lab';

export interface Answer {
  readonly status: number;
  readonly body: string;
  /** What `kubectl` prints as "Warning: …". */
  readonly warnings: readonly string[];
}

export interface ApiServer {
  /** File for KUBECONFIG. */
  readonly kubeconfig: string;
  readonly ask: (method: string, path: string, body?: string, type?: string) => Promise<Answer>;
}

/** `folder`: of this cluster alone; whose it is removes it. */
export async function startApiServer(
  t: { after(undo: () => Promise<unknown>): void },
  folder: string,
): Promise<ApiServer> {
  const [client, peer, port] = [await freePort(), await freePort(), await freePort()];
  const etcd = start(t, folder, 'etcd', [
    `--data-dir=${folder}/data`,
    `--listen-client-urls=http://127.0.0.1:${client}`,
    `--advertise-client-urls=http://127.0.0.1:${client}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-cluster=default=http://127.0.0.1:${peer}`,
    // What a crash would lose is thrown away anyway.
    '--unsafe-no-fsync',
  ]);
  await until(folder, etcd, async () => (await fetch(`http://127.0.0.1:${client}/health`)).ok);
  const server = start(t, folder, 'kube-apiserver', [...credentials(folder), ...flags(folder, client, port)]);
  const certificate = join(folder, 'certificates/apiserver.crt');
  const ask = asker(port, certificate);
  await until(folder, server, async () => existsSync(certificate) && (await ask('GET', '/readyz')).status === 200);
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify(configOf(port, certificate)));
  return { kubeconfig, ask };
}

function flags(folder: string, etcd: number, port: number): readonly string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${etcd}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${folder}/certificates`,
    '--service-cluster-ip-range=10.96.0.0/24',
    '--authorization-mode=RBAC',
    // No --allow-privileged: a privileged container would be refused.
  ];
}

function credentials(folder: string): readonly string[] {
  mkdirSync(join(folder, 'certificates'), { recursive: true });
  const [key, tokens] = [join(folder, 'accounts.key'), join(folder, 'tokens.csv')];
  execFileSync('openssl', ['genrsa', '-out', key, '2048'], { stdio: 'pipe' });
  writeFileSync(tokens, `${TOKEN},lab,lab,system:masters\n`);
  return [
    `--token-auth-file=${tokens}`,
    `--service-account-key-file=${key}`,
    `--service-account-signing-key-file=${key}`,
    '--service-account-issuer=https://kubernetes.default.svc',
  ];
}

function configOf(port: number, certificate: string): unknown {
  const cluster = { server: `https://127.0.0.1:${port}`, 'certificate-authority': certificate };
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'lab', cluster }],
    users: [{ name: 'lab', user: { token: TOKEN } }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'lab' } }],
    'current-context': 'lab',
  };
}

function asker(port: number, certificate: string): ApiServer['ask'] {
  return (method, path, body, type = 'application/yaml') =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': type, accept: 'application/json' };
      const where = { host: '127.0.0.1', port, method, path, headers, agent: false, ca: readFileSync(certificate) };
      request(where, (answer) => {
        const warnings = [answer.headers.warning ?? []].flat();
        text(answer).then((said) => resolve({ status: answer.statusCode ?? 0, body: said, warnings }), reject);
      })
        .once('error', reject)
        .end(body);
    });
}

function start(
  t: { after(undo: () => Promise<unknown>): void },
  folder: string,
  program: string,
  words: readonly string[],
): ChildProcess {
  const child = spawn(pathOf(program) ?? program, words, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const log = createWriteStream(join(folder, `${program}.log`));
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const gone = new Promise((done) => child.once('close', done));
  t.after(async () => {
    child.kill('SIGKILL');
    await gone;
  });
  return child;
}

async function until(folder: string, child: ChildProcess, ready: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (child.exitCode === null && performance.now() < deadline) {
    if (await ready().catch(() => false)) return;
    await wait(200);
  }
  const program = child.spawnargs[0]?.split('/').at(-1) ?? '';
  const last = readFileSync(join(folder, `${program}.log`), 'utf8')
    .trim()
    .split('\n')
    .slice(-3)
    .join('\n');
  throw new Error(`${program} did not become ready:\n${last}`);
}

// What a Kubernetes without nodes is made of here, and what brings the chart there.
const KUBERNETES = 'v1.34.4';
const OPERATOR = 'github.com/prometheus-operator/prometheus-operator@v0.85.0';
/** The kinds of prometheus-operator that the chart uses. */
const KINDS = ['servicemonitors', 'prometheusrules'];

/** prometheus-operator's own files. */
const CRDS: readonly string[] = KINDS.map((kind) =>
  cachePath(`programs/prometheus-operator-crd/monitoring.coreos.com_${kind}.yaml`),
);

const NEEDS: readonly Need[] = [
  { debian: 'etcd-server', file: 'etcd' },
  {
    module: 'k8s.io/kubernetes',
    version: KUBERNETES,
    published: 'v0.34.4',
    // The version that the server reports, by which Helm judges the chart's kubeVersion.
    ldflags: `-X k8s.io/component-base/version.gitVersion=${KUBERNETES}`,
    main: './cmd/kube-apiserver',
    file: 'kube-apiserver',
  },
  HELM,
];

/** Builds what is missing, which takes half an hour on two slow cores. Returns why it cannot be had, or false. */
export async function provideCluster(): Promise<string | false> {
  if (!CRDS.every(existsSync)) await bringCrds();
  return provide(NEEDS);
}

async function bringCrds(): Promise<void> {
  const { stdout } = await run('go', ['mod', 'download', '-json', OPERATOR], { maxBuffer: 1 << 24 });
  const from = join(textAt(parseJson(stdout), 'Dir'), 'example/prometheus-operator-crd');
  const place = cachePath('programs/prometheus-operator-crd');
  await mkdir(cachePath('programs'), { recursive: true });
  await cp(from, `${place}.new`, { recursive: true });
  await rename(`${place}.new`, place);
}

// What `helm template` makes of the chart, and `kubectl apply --server-side`, whose --dry-run=server lets the API server do all but keep it.
export const CHART = 'deploy/kubernetes/tapscope';
export const NAMESPACE = 'tapscope';

/** Where the API server keeps objects of each kind. */
const PLACES: Readonly<Record<string, string>> = {
  ConfigMap: 'api/v1/namespaces/NS/configmaps',
  CustomResourceDefinition: 'apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  DaemonSet: 'apis/apps/v1/namespaces/NS/daemonsets',
  Namespace: 'api/v1/namespaces',
  Pod: 'api/v1/namespaces/NS/pods',
  PrometheusRule: 'apis/monitoring.coreos.com/v1/namespaces/NS/prometheusrules',
  Service: 'api/v1/namespaces/NS/services',
  ServiceAccount: 'api/v1/namespaces/NS/serviceaccounts',
  ServiceMonitor: 'apis/monitoring.coreos.com/v1/namespaces/NS/servicemonitors',
};

/** Runs helm; throws what it said. */
export function helm(words: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  return execFileSync(pathOf('helm') ?? 'helm', words, {
    encoding: 'utf8',
    stdio: 'pipe',
    env: { ...process.env, ...env },
  });
}

/** The objects of the chart with these values, as in `--set NAME=VALUE`. */
export function objectsOf(values: readonly string[]): readonly unknown[] {
  const sets = values.flatMap((value) => ['--set', value]);
  // Built as a module, Helm takes the cluster for an ancient one unless it is told.
  const text = helm(['template', 'tapscope', CHART, '--namespace', NAMESPACE, '--kube-version', KUBERNETES, ...sets]);
  return parseAllDocuments(text)
    .map((document): unknown => document.toJS())
    .filter((object) => object !== null);
}

/** fieldValidation=Strict: what kubectl asks for too; a field that the API does not know is an error. */
export async function apply(server: ApiServer, object: unknown, dryRun: boolean): Promise<Answer> {
  const place = PLACES[textAt(object, 'kind')]?.replace('NS', String(at(object, 'metadata', 'namespace')));
  if (!place) throw new Error(`Where objects of the kind ${textAt(object, 'kind')} are kept is not known here.`);
  const asked = `fieldManager=lab&fieldValidation=Strict&force=true${dryRun ? '&dryRun=All' : ''}`;
  const path = `/${place}/${textAt(object, 'metadata', 'name')}?${asked}`;
  return server.ask('PATCH', path, JSON.stringify(object), 'application/apply-patch+yaml');
}

export async function installCrds(server: ApiServer): Promise<void> {
  for (const file of CRDS) {
    const [crd] = parseAllDocuments(readFileSync(file, 'utf8')).map((document): unknown => document.toJS());
    const { status, body } = await apply(server, crd, false);
    if (status > 201) throw new Error(`${file}: ${body}`);
    await established(server, textAt(crd, 'metadata', 'name'));
  }
}

/** Waits until the server lists the kind for its clients: helm asks there whether a kind exists. */
async function established(server: ApiServer, name: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const { status, body } = await server.ask('GET', '/apis/monitoring.coreos.com/v1');
    const known = status === 200 ? listAt(parseJson(body), 'resources') : [];
    if (known.some((one) => name.startsWith(`${textAt(one, 'name')}.`))) return;
    await wait(100);
  }
  throw new Error(`The API server does not serve ${name}.`);
}
