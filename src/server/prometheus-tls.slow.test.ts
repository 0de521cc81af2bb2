// SPDX-License-Identifier: Apache-2.0
// Needs: openssl, prometheus.
// Prometheus's own tools and this web config: promtool accepts the file, and a real Prometheus scrapes by TLS, client certificate and password.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { hashSync } from 'bcrypt';
import { makeAuthority, temporaryFolder } from '../../test/agent/certificates.ts';
import { ask, basic, serveEndpoint } from '../../test/agent/endpoint.ts';
import { freePort } from '../../test/host/free-port.ts';

const password = 'p\u{e4}ss:w\u{f6}rd';

/** A config with everything that Debian's Prometheus knows too, and the folder of its certificates. */
function writeConfig(folder: string): string {
  const authority = makeAuthority(folder, 'authority');
  authority.issue('server', 'DNS:localhost,IP:127.0.0.1');
  authority.issue('prometheus', 'DNS:prometheus.example');
  const file = join(folder, 'web.yml');
  writeFileSync(
    file,
    `
tls_server_config:
  cert_file: server.crt
  key_file: server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: authority.crt
  min_version: TLS12
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256]
  prefer_server_cipher_suites: true
  curve_preferences: [CurveP256, X25519]
http_server_config:
  http2: true
  headers:
    Strict-Transport-Security: max-age=31536000
    X-Frame-Options: deny
basic_auth_users:
  prometheus: ${hashSync(password, 10).replace('$2b$', '$2y$')}
`,
  );
  return file;
}

test('promtool accepts what we accept', (t) => {
  const { status, stderr } = spawnSync('promtool', ['check', 'web-config', writeConfig(temporaryFolder(t))], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
});

test('Prometheus scrapes by TLS, client certificate and password', { timeout: 600_000 }, async (t) => {
  const folder = temporaryFolder(t);
  const endpoint = await serveEndpoint(t, { webConfigFile: writeConfig(folder) });
  const files = (name: string) => ({ cert_file: join(folder, `${name}.crt`), key_file: join(folder, `${name}.key`) });
  const job = (name: string, more: object) => ({
    job_name: name,
    scheme: 'https',
    static_configs: [{ targets: [`127.0.0.1:${endpoint.port}`] }],
    tls_config: { ca_file: join(folder, 'authority.crt'), ...files('prometheus') },
    ...more,
  });
  const jobs = [
    job('right', { basic_auth: { username: 'prometheus', password } }),
    job('wrong', { basic_auth: { username: 'prometheus', password: 'wrong' } }),
    job('nameless', {
      basic_auth: { username: 'prometheus', password },
      tls_config: { ca_file: join(folder, 'authority.crt') },
    }),
  ];
  const config = { global: { scrape_interval: '1s', scrape_timeout: '1s' }, scrape_configs: jobs };
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
  mkdirSync(join(folder, 'data'));
  const address = `127.0.0.1:${await freePort()}`;
  const prometheus = spawn('prometheus', [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=${address}`,
    '--log.level=error',
  ]);
  const ended = once(prometheus, 'close');
  t.after(async () => {
    prometheus.kill('SIGKILL');
    await ended;
  });
  /** The maximum or count of each job's `up` so far: on a busy machine a single scrape may fail. */
  const ups = async (what: 'max' | 'count'): Promise<Readonly<Record<string, string>>> => {
    const asked = new URLSearchParams({ query: `${what}_over_time(up[1h])` });
    const response = await fetch(`http://${address}/api/v1/query?${asked}`).catch(() => undefined);
    const answer = response?.ok ? JSON.parse(await response.text()) : { data: { result: [] } };
    const series: readonly { metric: { job: string }; value: [number, string] }[] = answer.data.result;
    return Object.fromEntries(series.map(({ metric, value }) => [metric.job, value[1]]));
  };
  const isEnough = async (): Promise<boolean> =>
    (await ups('max')).right === '1' &&
    Object.values(await ups('count')).filter((scrapes) => Number(scrapes) >= 3).length === jobs.length;
  for (let tries = 0; tries < 200 && !(await isEnough()); tries += 1) await setTimeout(200);
  assert.deepEqual(await ups('max'), { right: '1', wrong: '0', nameless: '0' });
  const own = makeAuthority(temporaryFolder(t), 'authority');
  await assert.rejects(ask(endpoint, '/', { ca: own.cert, headers: basic('prometheus', password) }));
});
