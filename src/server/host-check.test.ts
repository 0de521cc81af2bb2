// SPDX-License-Identifier: Apache-2.0
// Needs: openssl.
// The names and pages by which a browser may ask: tests the rule itself, and a real server.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashSync } from 'bcrypt';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { ask, basic, serveEndpoint, speak } from '../../test/agent/endpoint.ts';
import { createHostCheck } from './host-check.ts';

const check = createHostCheck(['web1', 'web1.example.com', 'Proxy.example.']);

for (const [host, status] of [
  ['127.0.0.1:10747', undefined],
  ['[::1]:10747', undefined],
  ['10.1.2.3', undefined],
  ['localhost:10747', undefined],
  ['LOCALHOST.', undefined],
  ['page.localhost', undefined],
  ['web1:10747', undefined],
  ['Web1.Example.com', undefined],
  ['proxy.example', undefined],
  ['evil.example:10747', 421],
  ['localhost.evil.example', 421],
  ['web1.evil.example', 421],
  ['127.0.0.1.evil.example', 421],
  ['evil.example@127.0.0.1', 421],
  ['[evil]', 421],
  ['', 421],
  ['127.0.0.1:10747 evil', 421],
] as const) {
  test(`asked as ${JSON.stringify(host)}: ${status ?? 'answered'}`, () => {
    assert.equal(check({ host }, false)?.status, status);
    assert.equal(check({ host }, true), undefined, 'a certificate or a password is protection enough');
  });
}

test('without a name, as load balancers ask, and with any name where all are allowed', () => {
  assert.equal(check({}, false), undefined);
  assert.equal(createHostCheck(['*'])({ host: 'evil.example' }, false), undefined);
});

const host = '127.0.0.1:10747';
for (const [headers, status] of [
  [{ origin: 'http://127.0.0.1:10747' }, undefined],
  [{ origin: 'https://proxy.example' }, undefined],
  [{ origin: 'http://127.0.0.1:3000' }, 403],
  [{ origin: 'http://evil.example' }, 403],
  [{ origin: 'null' }, 403],
  [{ origin: 'file://' }, 403],
  [{ 'sec-fetch-site': 'same-origin' }, undefined],
  [{ 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }, undefined],
  [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }, undefined],
  [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }, 403],
  [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 403],
  [{ 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' }, 403],
] as const) {
  test(`${JSON.stringify(headers)}: ${status ?? 'answered'}`, () => {
    for (const isProtected of [false, true]) assert.equal(check({ host, ...headers }, isProtected)?.status, status);
  });
}

test('a server refuses a stranger’s name and pages in one sentence, on every page', async (t) => {
  const endpoint = await serveEndpoint(t);
  for (const path of ['/', '/metrics', '/api/v1/live', '/api/v1/findings', '/-/healthy', '/nothing']) {
    const rebound = await ask(endpoint, path, { headers: { host: 'evil.example:10747' } });
    assert.deepEqual(
      [rebound.status, rebound.body],
      [
        421,
        'This server does not know itself as "evil.example": ask it by its address, or start it with --web.allowed-host=NAME.\n',
      ],
    );
    assert.equal(rebound.headers['x-content-type-options'], 'nosniff');
    const foreign = await ask(endpoint, path, { headers: { origin: 'http://evil.example' } });
    assert.deepEqual([foreign.status, foreign.body.split('\n').length], [403, 2]);
  }
  for (const name of ['localhost', hostname()])
    assert.equal((await ask(endpoint, '/-/healthy', { headers: { host: name } })).status, 200);
  assert.match(await speak(endpoint.port, 'GET /-/healthy HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /);
});

test('a name that --web.allowed-host gives is answered, and with a password any name', async (t) => {
  const named = await serveEndpoint(t, { allowedHosts: ['tapscope.example'] });
  const statusOf = async (endpoint: typeof named, headers: Readonly<Record<string, string>>) =>
    (await ask(endpoint, '/-/healthy', { headers })).status;
  assert.equal(await statusOf(named, { host: 'tapscope.example' }), 200);
  assert.equal(await statusOf(named, { host: 'other.example' }), 421);
  const file = join(temporaryFolder(t), 'web.yml');
  writeFileSync(file, `basic_auth_users:\n  alice: ${hashSync('secret', 4)}\n`);
  const closed = await serveEndpoint(t, { webConfigFile: file });
  assert.equal(await statusOf(closed, { host: 'other.example' }), 401);
  assert.equal(await statusOf(closed, { host: 'other.example', ...basic('alice', 'secret') }), 200);
  assert.equal(await statusOf(closed, { origin: 'http://evil.example', ...basic('alice', 'secret') }), 403);
});

test('what was asked for is said without what drives a terminal', () => {
  const refused = createHostCheck([])({ host: 'a\x9b1m' }, false);
  assert.match(refused?.line ?? '', /^This server does not know itself as "a\\u009b1m":/);
});
