// SPDX-License-Identifier: Apache-2.0
// A real kube-apiserver on a real etcd, without nodes: what it is given is checked, admitted and kept as in any cluster.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../../test/host/free-port.ts';
import { pathOf } from '../../test/host/need.ts';

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
