// SPDX-License-Identifier: Apache-2.0
// Needs: openssl.
// Connections beyond the limit, of one address and of all, with and without TLS, with and without an answer under way.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { makeAuthority, temporaryFolder } from '../../test/agent/certificates.ts';
import { until } from '../../test/host/until.ts';
import { limitConnections } from './connections.ts';

async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

async function serve(t: TestContext, handler: RequestListener): Promise<number> {
  const server = createServer(handler);
  limitConnections(server, { total: 6, each: 4 });
  return listen(t, server);
}

async function open(t: TestContext, port: number, localAddress: string, words = ''): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  t.after(() => socket.destroy());
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  socket.write(words);
  return socket;
}

async function heard(socket: Socket): Promise<string> {
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [data] = await once(socket, 'data');
  return String(data);
}

test('one address more than its share: its own oldest goes, those of others stay', async (t) => {
  const port = await serve(t, (_, response) => response.end('ok'));
  const other = await open(t, port, '127.0.0.3');
  const own: Socket[] = [];
  for (let number = 0; number < 8; number += 1) own.push(await open(t, port, '127.0.0.2'));
  await until(() => own.slice(0, 4).every(({ closed }) => closed));
  assert.ok(own.slice(4).every(({ closed }) => !closed));
  assert.match(await heard(other), /^HTTP\/1\.1 200 /);
});

test('all places taken: the connection that has waited longest goes, not one whose answer is under way', async (t) => {
  const port = await serve(t, ({ url }, response) => {
    if (url === '/') response.end('ok');
  });
  const busy = await open(t, port, '127.0.0.2', 'GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const idle: Socket[] = [];
  for (let number = 3; number < 12; number += 1) {
    idle.push(await open(t, port, `127.0.0.${number}`));
    assert.match(await heard(idle.at(-1) ?? busy), /^HTTP\/1\.1 200 /);
  }
  await until(() => idle.slice(0, 4).every(({ closed }) => closed));
  assert.ok(!busy.closed && idle.slice(4).every(({ closed }) => !closed));
});

test('all answers under way: the newest client is let in for the oldest', async (t) => {
  let begun = 0;
  const port = await serve(t, ({ url }, response) => {
    begun += 1;
    if (url === '/') response.end('ok');
  });
  const busy: Socket[] = [];
  for (let number = 2; number < 8; number += 1)
    busy.push(await open(t, port, `127.0.0.${number}`, 'GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n'));
  await until(() => begun === 6);
  assert.match(await heard(await open(t, port, '127.0.0.20')), /^HTTP\/1\.1 200 /);
  await until(() => busy[0]?.closed === true);
  assert.ok(busy.slice(1).every(({ closed }) => !closed));
});

test('the same through TLS, of clients that do not even begin it', async (t) => {
  const { key, cert } = makeAuthority(temporaryFolder(t), 'localhost');
  const server = createTlsServer({ key, cert }, (_, response) => response.end('ok'));
  limitConnections(server, { total: 6, each: 4 });
  const port = await listen(t, server);
  for (let number = 2; number < 20; number += 1) await open(t, port, `127.0.0.${number}`);
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  t.after(() => socket.destroy());
  await once(socket, 'secureConnect');
  assert.match(await heard(socket), /^HTTP\/1\.1 200 /);
  assert.match(await heard(socket), /^HTTP\/1\.1 200 /);
});
