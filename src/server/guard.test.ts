// SPDX-License-Identifier: Apache-2.0
// Needs: openssl.
// Passwords, headers and the rate limit of a real server, asked over HTTP.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { hashSync } from 'bcrypt';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { ask, basic, type Endpoint, type EndpointOptions, serveEndpoint } from '../../test/agent/endpoint.ts';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';

/** A config file, and the server that uses it. */
async function serve(t: TestContext, config: string): Promise<Endpoint & { readonly file: string }> {
  const file = join(temporaryFolder(t), 'web.yml');
  writeFileSync(file, config);
  return { ...(await serveEndpoint(t, { webConfigFile: file })), file };
}

function users(entries: Readonly<Record<string, string>>, cost = 6): string {
  const lines = Object.entries(entries).map(([name, password]) => `  ${name}: ${hashSync(password, cost)}\n`);
  return `basic_auth_users:\n${lines.join('')}`;
}

const pages = ['/metrics', '/', '/-/healthy', '/-/ready', '/nothing'];

test('every page asks for the password', async (t) => {
  const endpoint = await serve(t, users({ alice: 'secret', bob: 'other' }));
  for (const path of pages) {
    const { status, headers, body } = await ask(endpoint, path);
    assert.deepEqual([status, headers['www-authenticate']], [401, 'Basic realm="tapscope", charset="UTF-8"'], path);
    assert.match(body, /^This page could not be made: .*\n$/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(
      (await ask(endpoint, path, { headers: basic('alice', 'secret') })).status,
      path === '/nothing' ? 404 : 200,
    );
  }
  assert.equal((await ask(endpoint, '/metrics', { method: 'HEAD' })).status, 401);
  assert.equal((await ask(endpoint, '/metrics', { method: 'POST' })).status, 401);
});

test('a wrong password, a wrong name and what is no password are 401', async (t) => {
  const endpoint = await serve(t, users({ alice: 'secret' }));
  for (const authorization of [
    basic('alice', 'wrong').authorization,
    basic('mallory', 'secret').authorization,
    basic('', '').authorization,
    'Basic',
    'Basic !!!',
    'Bearer c2VjcmV0',
    `Basic ${Buffer.from('alice').toString('base64')}`,
    `Basic ${Buffer.from('alice:secret\0').toString('base64')}`,
  ]) {
    const { status, body } = await ask(endpoint, '/metrics', { headers: { authorization } });
    assert.equal(status, 401, authorization);
    assert.doesNotMatch(body, /secret|wrong"|\n./);
  }
});

test('one that guesses has to wait; others with the right password do not', async (t) => {
  const endpoint = await serve(t, users({ alice: 'secret' }, 8));
  const guess = (number: number) =>
    ask(endpoint, '/metrics', { headers: basic('alice', `guess${number}`), localAddress: '127.0.0.66' });
  const answers = await Promise.all(Array.from({ length: 40 }, (_, number) => guess(number)));
  const wrong = answers.filter(({ status }) => status === 401).length;
  const refused = answers.filter(({ status }) => status === 429);
  assert.ok(wrong >= 10 && wrong <= 12, `${wrong} were checked`);
  assert.equal(wrong + refused.length, 40);
  for (const { headers, body } of refused) {
    assert.equal(headers['retry-after'], '1');
    assert.match(body, /tries too many passwords\n$/);
  }
  assert.equal((await ask(endpoint, '/metrics', { headers: basic('alice', 'secret') })).status, 200);
});

for (const [path, status] of [
  ['/metrics', 200],
  ['/api/v1/snapshot', 200],
  ['/api/v1/window', 404], // of an agent without a history
] as const)
  test(`clients of ${path} that go away while their password is checked take no place`, async (t) => {
    const endpoint = await serve(t, users({ alice: 'secret' }, 12));
    const headers = Object.entries(basic('alice', 'secret')).map(([name, value]) => `${name}: ${value}\r\n`);
    const words = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers.join('')}\r\n`;
    const sockets = Array.from({ length: 45 }, (_, client) => {
      // No address tries more often than it may.
      const localAddress = `127.0.0.${2 + (client % 5)}`;
      const socket = connect({ port: endpoint.port, host: '127.0.0.1', localAddress });
      socket.write(words);
      return socket;
    });
    await setTimeout(100);
    for (const socket of sockets) socket.destroy();
    await setTimeout(1500);
    assert.equal((await ask(endpoint, path, { headers: basic('alice', 'secret') })).status, status);
  });

test('users change without a restart; a broken file changes nothing', async (t) => {
  const endpoint = await serve(t, users({ alice: 'secret' }));
  const statusOf = async (user: string, password: string) =>
    (await ask(endpoint, '/-/healthy', { headers: basic(user, password) })).status;
  assert.equal(await statusOf('alice', 'secret'), 200);
  writeFileSync(endpoint.file, users({ alice: 'changed' }));
  for (let tries = 0; tries < 40 && (await statusOf('alice', 'secret')) === 200; tries += 1) await setTimeout(100);
  assert.deepEqual([await statusOf('alice', 'secret'), await statusOf('alice', 'changed')], [401, 200]);
  writeFileSync(endpoint.file, 'basic_auth_users: none');
  await setTimeout(2500);
  assert.deepEqual([await statusOf('alice', 'secret'), await statusOf('alice', 'changed')], [401, 200]);
});

test('headers protect browsers, and the config has the last word', async (t) => {
  const headers =
    '    X-Frame-Options: sameorigin\n    Strict-Transport-Security: max-age=60\n    Content-Security-Policy: ""\n';
  const endpoint = await serve(t, `http_server_config:\n  headers:\n${headers}`);
  for (const path of ['/metrics', '/', '/nothing', '/%zz']) {
    const { headers: sent } = await ask(endpoint, path);
    assert.deepEqual(
      [
        sent['x-content-type-options'],
        sent['x-frame-options'],
        sent['strict-transport-security'],
        sent['content-security-policy'],
        sent['referrer-policy'],
        sent['cross-origin-resource-policy'],
      ],
      ['nosniff', 'sameorigin', 'max-age=60', undefined, 'no-referrer', 'same-origin'],
      path,
    );
  }
});

test('one address that asks too often waits; others do not', async (t) => {
  const endpoint = await serve(t, 'rate_limit:\n  interval: 10s\n  burst: 3\n');
  const statuses: number[] = [];
  for (let asked = 0; asked < 5; asked += 1) {
    const { status, headers, body } = await ask(endpoint, '/-/healthy', { localAddress: '127.0.0.66' });
    statuses.push(status);
    if (status === 200) continue;
    assert.ok(Number(headers['retry-after']) >= 9 && Number(headers['retry-after']) <= 10, headers['retry-after']);
    assert.equal(body, 'This address asks too often; wait a moment.\n');
  }
  assert.deepEqual(statuses, [200, 200, 200, 429, 429]);
  assert.equal((await ask(endpoint, '/metrics')).status, 200);
});

test('pages can be read and nothing else', async (t) => {
  const endpoint = await serve(t, '');
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND']) {
    const { status, headers, body } = await ask(endpoint, '/metrics?a=b', { method });
    assert.deepEqual([status, headers.allow], [405, 'GET, HEAD'], method);
    assert.equal(body, 'This page can only be read, by GET or HEAD.\n');
    assert.equal((await ask(endpoint, '/nothing', { method })).status, 404, method);
  }
});

test('no body is read, of a page that is not there either', async (t) => {
  const { port } = await serveEndpoint(t);
  const body = { method: 'POST', headers: { 'content-type': 'x/y' }, body: 'x'.repeat(2_000_000) };
  for (const page of ['nothing', 'api/v1/queues/1/tap0/0/history']) {
    const response = await fetch(`http://127.0.0.1:${port}/${page}`, body);
    assert.deepEqual([response.status, await response.text()], [404, 'No such page; / lists all pages.\n']);
  }
});

/** More addresses of 127.0.0.0/8 than there are places for scrapes. */
const CROWD = Array.from({ length: 100 }, (_, index) => `127.0.2.${1 + index}`);

test('with a password a crowd of local addresses takes no place from a scraper', async (t) => {
  const slowSnapshot = async () => {
    await setTimeout(300);
    return { ...goldenSnapshot, takenAt: Date.now() / 1000 };
  };
  const crowded = async (options: EndpointOptions) => {
    const endpoint = await serveEndpoint(t, { dependencies: { takeSnapshot: slowSnapshot }, ...options });
    const crowd = Promise.all(
      CROWD.map(async (localAddress) => (await ask(endpoint, '/metrics', { localAddress })).status),
    );
    const { status } = await ask(endpoint, '/metrics', { headers: basic('prometheus', 'secret') });
    return { status, crowd: new Set(await crowd) };
  };
  assert.ok((await crowded({})).crowd.has(503), 'without a password there are too few places for this crowd');
  const file = join(temporaryFolder(t), 'web.yml');
  writeFileSync(file, users({ prometheus: 'secret' }));
  assert.deepEqual(await crowded({ webConfigFile: file }), { status: 200, crowd: new Set([401]) });
});
