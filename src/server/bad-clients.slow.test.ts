// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Clients that send nonsense, too much or too little, that never read or never finish: each gets an answer or is cut off, and the
// scrapes of others go on.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type Answer, ask, type Endpoint, serveEndpoint, speak } from '../../test/agent/endpoint.ts';
import { slowness } from '../../test/host/slowness.ts';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';

/** A page of some megabytes, more than sockets hold. */
function bigSnapshot(): Snapshot {
  const devices = goldenSnapshot.devices.flatMap((device) =>
    Array.from({ length: 1000 }, (_, index) => ({
      ...device,
      id: `${device.id}${index}`,
      name: `${device.name}${index}`,
    })),
  );
  return { ...goldenSnapshot, devices, takenAt: Date.now() / 1000 };
}

const big = { takeSnapshot: async () => bigSnapshot() };

/**
 * Others are served all the time, within half of what Prometheus waits: three pages of 20 MB by code that is cold take 1.5 to 3 s of CPU.
 * They wait longer, for on a machine that is so slow that the server cuts them off, how slow it is decides.
 */
async function isServed(endpoint: Endpoint): Promise<void> {
  const slowBefore = await slowness();
  const started = performance.now();
  const headers = { 'x-prometheus-scrape-timeout-seconds': '60' };
  const { status, body } = await ask(endpoint, '/metrics', { localAddress: '127.0.0.2', headers });
  assert.equal(status, 200);
  assert.ok(body.includes('device="tap0'));
  const tookMs = performance.now() - started;
  if (tookMs < 5000) return;
  // It may have been slow until a moment ago.
  const slow = Math.max(slowBefore, await slowness());
  assert.ok(tookMs < 5000 * slow, `${tookMs} ms, at a start of ${slow} times its length`);
}

for (const [what, words, answer] of [
  [
    'an over-long header',
    `GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    /^HTTP\/1\.1 431 .*16 KiB\.\n$/s,
  ],
  ['an over-long path', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, /^HTTP\/1\.1 (431|414) /],
  ['garbage', 'hello?\r\n\r\n', /^HTTP\/1\.1 400 Bad Request\r\n.*This is not an HTTP request\.\n$/s],
  ['bytes of TLS', Buffer.from('16030100a5010000a10303', 'hex'), /^HTTP\/1\.1 400 /],
  [
    'two lengths',
    'GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    /^HTTP\/1\.1 400 /,
  ],
  [
    'a length and chunks',
    'GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    /^HTTP\/1\.1 400 /,
  ],
  ['no host', 'GET / HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['a broken escape', 'GET /%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 400 /],
] as const) {
  test(`${what} gets a clear answer, no stack, and harms no other client`, async (t) => {
    const endpoint = await serveEndpoint(t);
    const heard = await speak(endpoint.port, words);
    assert.match(heard, answer);
    assert.doesNotMatch(heard, /\n\s+at |node:|\.[jt]s/);
    await isServed(endpoint);
  });
}

test('an unknown format is answered with the text format, as Prometheus itself does', async (t) => {
  const endpoint = await serveEndpoint(t);
  for (const accept of ['application/vnd.google.protobuf', 'image/png', 'nonsense', '*/*;q=0']) {
    const { status, headers } = await ask(endpoint, '/metrics', { headers: { accept } });
    assert.deepEqual([status, headers['content-type']], [200, 'text/plain; version=0.0.4; charset=utf-8'], accept);
  }
});

test('one that never finishes its request is told so after 10 s', async (t) => {
  const endpoint = await serveEndpoint(t);
  const started = performance.now();
  const [begun, silent] = await Promise.all([
    speak(endpoint.port, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n'),
    speak(endpoint.port, ''),
    isServed(endpoint),
  ]);
  const seconds = (performance.now() - started) / 1000;
  assert.match(begun, /^HTTP\/1\.1 408 /);
  assert.match(silent, /^(HTTP\/1\.1 408 |$)/);
  assert.ok(seconds > 9 && seconds < 20, `${seconds} s`);
});

/** Opens connections of an address of its own. */
async function open(t: TestContext, port: number, count: number, words: string): Promise<readonly Socket[]> {
  const sockets = Array.from({ length: count }, (_, index) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: `127.1.0.${1 + (index % 200)}` });
    socket.on('error', () => undefined);
    if (words !== '') socket.write(words);
    return socket.pause();
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.all(sockets.map((socket) => (socket.connecting ? once(socket, 'connect') : undefined)));
  return sockets;
}

test('1 000 open connections, and the scrapes of others go on', async (t) => {
  const endpoint = await serveEndpoint(t);
  const sockets = await open(t, endpoint.port, 1000, '');
  for (let scrape = 0; scrape < 5; scrape += 1) await isServed(endpoint);
  for (const [index, socket] of sockets.entries()) {
    if (index % 10 === 0) socket.write('GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n');
  }
  const answers = await Promise.all(
    sockets
      .filter((_, index) => index % 10 === 0)
      .map(async (socket) => String((await once(socket.resume(), 'data'))[0])),
  );
  assert.ok(answers.every((answer) => answer.startsWith('HTTP/1.1 200 ')));
  assert.ok(sockets.every((socket) => !socket.destroyed));
  await isServed(endpoint);
});

const neverRead = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Prometheus-Scrape-Timeout-Seconds: 3\r\n\r\n';

test('clients that never read are cut off when their time is over, and hold up no other client', async (t) => {
  const endpoint = await serveEndpoint(t, { dependencies: big });
  const sockets = await open(t, endpoint.port, 10, neverRead);
  const closed = Promise.all(sockets.map((socket) => once(socket, 'close')));
  const started = performance.now();
  while (performance.now() - started < 4000) await isServed(endpoint);
  assert.ok(
    sockets.every((socket) => socket.bytesRead < 1_000_000),
    'they did not get the page',
  );
  for (const socket of sockets) socket.resume();
  await Promise.race([
    closed,
    setTimeout(15_000, undefined, { ref: false }).then(() => assert.fail('they are still connected')),
  ]);
});

test('more scrapes at once than there are places: 503, and those of others when they are over', async (t) => {
  const endpoint = await serveEndpoint(t, { dependencies: big });
  await open(t, endpoint.port, 40, neverRead);
  await setTimeout(1000);
  const { status, headers, body } = await ask(endpoint, '/metrics');
  assert.deepEqual([status, headers['retry-after']], [503, '1']);
  assert.equal(body, '40 scrapes are in progress, which is the limit; try again later.\n');
  assert.equal((await ask(endpoint, '/-/healthy')).status, 200);
  await setTimeout(3500);
  await isServed(endpoint);
});

test('a slow snapshot leaves an answer within the time that the scrape has', async (t) => {
  const endpoint = await serveEndpoint(t, { dependencies: { takeSnapshot: () => new Promise(() => undefined) } });
  const headers = { 'x-prometheus-scrape-timeout-seconds': '1' };
  let inTime: Answer | undefined;
  // A tenth of the time is left for the page: a busy machine may take that away, but not each time.
  for (let tries = 0; tries < 5 && inTime === undefined; tries += 1) {
    const started = performance.now();
    const answer = await ask(endpoint, '/metrics', { headers }).catch(() => undefined);
    if (performance.now() - started < 1000) inTime = answer;
  }
  const { status, body } = inTime ?? assert.fail('no answer in time');
  assert.equal(status, 503);
  assert.match(body, /^There is no snapshot to show: it took more than 0\.9 s\.\n$/);
});
