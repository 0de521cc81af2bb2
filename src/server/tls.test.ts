// SPDX-License-Identifier: Apache-2.0
// Needs: openssl.
// A real server with certificates made by openssl, asked by real TLS clients.
import assert from 'node:assert/strict';
import { copyFileSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { makeAuthority, temporaryFolder } from '../../test/agent/certificates.ts';
import { ask, type Endpoint, serveEndpoint } from '../../test/agent/endpoint.ts';

const names = 'DNS:localhost,IP:127.0.0.1';
const noClient = { code: /^(ECONNRESET|EPIPE)$/ };

/** tls_server_config of server.crt with these lines more. */
function writeConfig(folder: string, ...lines: readonly string[]): string {
  const file = join(folder, 'web.yml');
  const all = ['cert_file: server.crt', 'key_file: server.key', ...lines];
  writeFileSync(`${file}.new`, `tls_server_config:\n${all.map((line) => `  ${line}\n`).join('')}`);
  renameSync(`${file}.new`, file);
  return file;
}

function setUp(t: TestContext) {
  const folder = temporaryFolder(t);
  const authority = makeAuthority(folder, 'authority');
  authority.issue('server', names);
  return { folder, authority, ca: authority.cert };
}

async function until(what: string, happened: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 15_000; Date.now() < end; await setTimeout(100)) if (await happened()) return;
  assert.fail(`within 15 s not: ${what}`);
}

test('the page comes over TLS 1.2 and 1.3, and not over plain HTTP', async (t) => {
  const { folder, ca } = setUp(t);
  const endpoint = await serveEndpoint(t, { webConfigFile: writeConfig(folder) });
  assert.equal(endpoint.server.scheme, 'https');
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const { status, body } = await ask(endpoint, '/metrics', { ca, maxVersion });
    assert.equal(status, 200);
    assert.ok(body.includes('device="tap0"'));
  }
  await assert.rejects(
    ask(endpoint, '/metrics'),
    { code: /SELF_SIGNED|UNABLE_TO/ },
    'a client without trusted authorities',
  );
  await assert.rejects(fetch(`http://127.0.0.1:${endpoint.port}/metrics`));
  assert.equal((await ask(endpoint, '/metrics', { ca })).status, 200, 'others are unharmed');
});

test('min_version and cipher_suites refuse who cannot do better', async (t) => {
  const { folder, ca } = setUp(t);
  const strict = await serveEndpoint(t, { webConfigFile: writeConfig(folder, 'min_version: TLS13') });
  await assert.rejects(ask(strict, '/', { ca, maxVersion: 'TLSv1.2' }), /protocol version/);
  assert.equal((await ask(strict, '/', { ca })).status, 200);
  const suite = 'cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]';
  const chosen = await serveEndpoint(t, { webConfigFile: writeConfig(folder, suite) });
  const ciphers = 'ECDHE-ECDSA-AES128-GCM-SHA256';
  const old = { ca, maxVersion: 'TLSv1.2' } as const;
  await assert.rejects(ask(chosen, '/', { ...old, ...{ ciphers } }), /handshake failure/);
  assert.equal((await ask(chosen, '/', old)).status, 200);
});

/** Results without a certificate, with one of a stranger, and with two of the authority. */
async function clientsOf(t: TestContext, ...lines: readonly string[]): Promise<readonly boolean[]> {
  const { folder, authority, ca } = setUp(t);
  const stranger = makeAuthority(folder, 'stranger').issue('mallory', 'DNS:prometheus.example');
  const clients = [
    undefined,
    stranger,
    authority.issue('grafana', 'DNS:grafana.example'),
    authority.issue('prometheus', 'DNS:other.example,DNS:prometheus.example,URI:spiffe://a/b'),
  ];
  const endpoint = await serveEndpoint(t, { webConfigFile: writeConfig(folder, ...lines) });
  const accepted: boolean[] = [];
  for (const client of clients) {
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      const own = client === undefined ? {} : { cert: client.cert, key: client.key };
      const answer = await ask(endpoint, '/metrics', { ca, maxVersion, ...own }).catch(() => undefined);
      if (maxVersion === 'TLSv1.2') assert.equal(answer?.status === 200, accepted.at(-1));
      else accepted.push(answer?.status === 200);
    }
  }
  return accepted;
}

const authority = 'client_ca_file: authority.crt';
for (const [lines, accepted] of [
  [['client_auth_type: NoClientCert'], [true, true, true, true]],
  [['client_auth_type: RequestClientCert'], [true, true, true, true]],
  [['client_auth_type: RequireAnyClientCert'], [false, true, true, true]],
  [
    ['client_auth_type: VerifyClientCertIfGiven', authority],
    [true, false, true, true],
  ],
  [
    ['client_auth_type: RequireAndVerifyClientCert', authority],
    [false, false, true, true],
  ],
  [
    ['client_auth_type: RequireAndVerifyClientCert', authority, 'client_allowed_sans: [prometheus.example]'],
    [false, false, false, true],
  ],
] as const) {
  test(`${lines.join(', ')}: who comes in`, async (t) => assert.deepEqual(await clientsOf(t, ...lines), accepted));
}

async function peerOf(endpoint: Endpoint, ca: string): Promise<string | undefined> {
  return (await ask(endpoint, '/-/healthy', { ca })).peer;
}

test('a new certificate is used without a restart; a broken one is not, and open connections go on', async (t) => {
  const { folder, authority, ca } = setUp(t);
  const endpoint = await serveEndpoint(t, { webConfigFile: writeConfig(folder) });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const kept = await ask(endpoint, '/', { ca, agent });
  assert.equal(kept.peer, 'server');

  const next = authority.issue('renewed', names);
  copyFileSync(next.keyFile, join(folder, 'server.key'));
  copyFileSync(next.certFile, join(folder, 'server.crt'));
  await until('the new certificate', async () => (await peerOf(endpoint, ca)) === 'renewed');
  assert.equal((await ask(endpoint, '/', { ca, agent })).peer, 'server', 'the same connection');

  writeFileSync(join(folder, 'server.crt'), 'garbage');
  await setTimeout(2500);
  assert.equal(await peerOf(endpoint, ca), 'renewed');

  // Kubernetes renews a certificate like this: it exchanges a link.
  const third = authority.issue('third', names);
  unlinkSync(join(folder, 'server.key'));
  copyFileSync(third.keyFile, join(folder, 'server.key'));
  symlinkSync(third.certFile, join(folder, 'link'));
  renameSync(join(folder, 'link'), join(folder, 'server.crt'));
  await until('the certificate behind the link', async () => (await peerOf(endpoint, ca)) === 'third');
});

test('who may come in changes without a restart; whether TLS is spoken does not', async (t) => {
  const { folder, authority: first, ca } = setUp(t);
  const other = makeAuthority(folder, 'other');
  const client = first.issue('prometheus', 'DNS:prometheus.example');
  const verify = 'client_auth_type: RequireAndVerifyClientCert';
  const file = writeConfig(folder, verify, authority);
  const endpoint = await serveEndpoint(t, { webConfigFile: file });
  const own = { ca, cert: client.cert, key: client.key };
  assert.equal((await ask(endpoint, '/', own)).status, 200);

  writeConfig(folder, verify, 'client_ca_file: other.crt');
  await until(
    'the old authority is no longer enough',
    async () => (await ask(endpoint, '/', own).catch(() => 0)) === 0,
  );
  await assert.rejects(ask(endpoint, '/', own), noClient);
  const theirs = other.issue('theirs', 'DNS:a');
  assert.equal((await ask(endpoint, '/', { ca, cert: theirs.cert, key: theirs.key })).status, 200);

  writeFileSync(file, '# plain HTTP\n');
  await setTimeout(2500);
  await assert.rejects(ask(endpoint, '/', own), noClient);
  assert.equal((await ask(endpoint, '/', { ca, cert: theirs.cert, key: theirs.key })).status, 200);
});

for (const [what, spoil, words] of [
  [
    'a key that is not there',
    (folder: string) => unlinkSync(join(folder, 'server.key')),
    /key_file: \S+server\.key cannot be read \(ENOENT/,
  ],
  [
    'the key of another certificate',
    (folder: string) => copyFileSync(join(folder, 'authority.key'), join(folder, 'server.key')),
    /tls_server_config does not work: .*key values mismatch/,
  ],
  [
    'a config that is not there',
    (folder: string) => unlinkSync(join(folder, 'web.yml')),
    /cannot use --web\.config\.file=.*web\.yml: ENOENT/,
  ],
  [
    'a client CA without a certificate',
    (folder: string) => {
      writeConfig(folder, 'client_auth_type: RequireAndVerifyClientCert', authority);
      writeFileSync(join(folder, 'authority.crt'), 'nothing');
    },
    /tls_server_config does not work: /,
  ],
] as const) {
  test(`${what} is one sentence at start`, async (t) => {
    const { folder } = setUp(t);
    const file = writeConfig(folder);
    spoil(folder);
    await assert.rejects(serveEndpoint(t, { webConfigFile: file }), (error: Error) => {
      assert.match(error.message, words);
      assert.match(error.message, /^cannot use --web\.config\.file=[^\n]*\.$/);
      return true;
    });
  });
}
