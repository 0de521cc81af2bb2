// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Requests as no client should send them, to the real server over sockets: bounded answers, no 500, no stack, and it lives on.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { array, constantFrom, double, integer, oneof, record, tuple, uint8Array } from 'fast-check';
import { ask, serveEndpoint } from '../../test/agent/endpoint.ts';
import { damaged } from '../../test/fuzz/damage.ts';
import { anyText, hostileText } from '../../test/fuzz/hostile-text.ts';
import { holdsForAll, holdsInTime } from '../../test/fuzz/property.ts';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { acceptsGzip, negotiateFormat } from './accept.ts';
import { createHostCheck } from './host-check.ts';
import { createObserver } from './observer.ts';

const observer = createObserver();
const now = Math.floor(Date.now() / 1000);
for (let age = 20; age >= 0; age -= 1) observer.see({ ...goldenSnapshot, takenAt: now - age });

/** One for all, so that what one request leaves behind meets the next. */
const endpoint = await serveEndpoint({ after }, { dependencies: { observer } });

/** Bytes that are read of an answer without an end, such as the live stream: its beginning is enough. */
const ENOUGH_BYTES = 4_000_000;
const SILENCE_MS = 10_000;

async function answerTo(words: Uint8Array): Promise<string> {
  const socket = connect({ port: endpoint.port, host: '127.0.0.1' }, () => socket.end(words));
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    socket.setTimeout(SILENCE_MS, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      const isStream = chunks[0]?.includes('text/event-stream');
      if (isStream || chunks.reduce((sum, { length }) => sum + length, 0) > ENOUGH_BYTES) socket.destroy();
    });
    // ECONNRESET: it closed before it had read all.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}

const OTHERS = [400, 403, 404, 405, 408, 413, 414, 417, 421, 429, 431, 503];

function assertAnswer(heard: string): void {
  assert.ok(heard.length <= ENOUGH_BYTES, `${heard.length} bytes`);
  const [head = '', ...bodies] = heard.split('\r\n\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
  assert.doesNotMatch(heard, /HTTP\/1\.1 5(?!03)\d\d |\n\s+at |node:internal|node_modules|\.[cm]?[jt]s:\d/);
  if (/^content-encoding/im.test(head) || [100, 200, 304].includes(status)) return;
  assert.ok(OTHERS.includes(status), `${status}: ${heard.slice(0, 300)}`);
  const [body = ''] = (bodies[0] ?? '').split('HTTP/1.1 ');
  // Node answers a request without a host itself, with no chunk.
  assert.ok(body === '0' || isLine(body), `not one line: ${JSON.stringify(body)}`);
}

/** The body is a line without a control character, or empty, as after HEAD. */
function isLine(body: string): boolean {
  const [line = '', ...more] = body.split('\n');
  return line.length < 1000 && more.join('') === '' && !/\p{Cc}/u.test(line.replace(/[\x80-\x9f]/g, ''));
}

const path = oneof(
  constantFrom(
    '/',
    '/metrics',
    '/page.js',
    '/api/v1',
    '/api/v1/snapshot',
    '/api/v1/window',
    '/api/v1/trends',
    '/api/v1/findings',
    '/api/v1/queues',
  ),
  constantFrom(
    '/api/v1/live',
    '/-/ready',
    '/-/healthy',
    '*',
    'http://localhost/metrics',
    '//',
    '/..%2f',
    '/%00',
    '/api/v1/queues/1/%ff/0/history',
  ),
  tuple(anyText(8), anyText(15), anyText(8)).map(
    (parts) => `/api/v1/queues/${parts.map(encodeURIComponent).join('/')}/history`,
  ),
  tuple(integer(), constantFrom('tap0', 'tap%E2%80%A8', 'constructor'), integer()).map(
    (parts) => `/api/v1/queues/${parts.join('/')}/history`,
  ),
  anyText().map((text) => `/${text}`),
);
const number = oneof(
  integer(),
  double(),
  constantFrom('', '1e400', '-0', '9'.repeat(400), 'NaN', '0x10', String(now), String(now - 10)),
);
const pair = tuple(
  constantFrom('at', 'seconds', '__proto__', 'at[]', 'toString', ''),
  oneof(number, anyText(8).map(encodeURIComponent)),
);
const query = oneof(
  constantFrom(''),
  array(pair, { maxLength: 3 }).map((pairs) => `?${pairs.map((both) => both.join('=')).join('&')}`),
  anyText().map((text) => `?${text}`),
);
const name = constantFrom(
  ...[
    'Accept',
    'Accept-Encoding',
    'Host',
    'Origin',
    'Range',
    'If-None-Match',
    'If-Modified-Since',
    'Authorization',
    'Cookie',
  ],
  ...[
    'Sec-Fetch-Site',
    'Sec-Fetch-Mode',
    'X-Forwarded-For',
    'X-Prometheus-Scrape-Timeout-Seconds',
    'Connection',
    'Upgrade',
    'TE',
  ],
  ...['Content-Length', 'Transfer-Encoding', 'Content-Type', 'Expect', 'Last-Event-ID', '__proto__', 'Trailer', 'X'],
);
const value = oneof(
  constantFrom(
    'text/plain',
    'application/openmetrics-text;version=1.0.0;q=0.9',
    '*/*;q=nan',
    'gzip;q=1',
    'bytes=0-1,5-',
    'bytes=-9',
  ),
  constantFrom(
    'localhost',
    '[::1]:80',
    'evil.example',
    'http://localhost',
    'null',
    'cross-site',
    'close',
    'upgrade',
    'websocket',
    'chunked',
  ),
  constantFrom(
    '0',
    '5',
    '-1',
    '1e99',
    '100-continue',
    'application/json',
    'Basic OmE=',
    'Basic !',
    'keep-alive',
    'x'.repeat(9000),
  ),
  anyText(),
);
const request = record({
  method: constantFrom(
    'GET',
    'GET',
    'GET',
    'HEAD',
    'POST',
    'PUT',
    'OPTIONS',
    'TRACE',
    'CONNECT',
    'PRI',
    'get',
    'G\0T',
    '',
  ),
  path,
  query,
  version: constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9', ''),
  host: constantFrom('Host: localhost\r\n', 'Host: localhost\r\n', 'Host: 127.0.0.1:1\r\n', ''),
  headers: array(tuple(name, value), { maxLength: 5 }),
  end: constantFrom('\r\n', '\r\n', '\n', '', '\r\n5\r\nhello\r\n0\r\n\r\n', '\r\nGET / HTTP/1.1\r\n\r\n'),
});

holdsInTime(
  'requests made of what clients and attackers write',
  request,
  async ({ method, path: page, query: words, version, host, headers, end }) => {
    const lines = headers.map((both) => `${both.join(': ')}\r\n`).join('');
    // Node closes what it has no use for, without an answer; and who has ended his side before an answer was made.
    const isClosed = method === 'CONNECT' || /^\/(metrics|api)/.test(page);
    const heard = await answerTo(Buffer.from(`${method} ${page}${words} ${version}\r\n${host}${lines}${end}`));
    if (heard !== '' || !isClosed) assertAnswer(heard);
  },
  {
    runs: 1200,
  },
);

const whole = Buffer.from(
  'GET /metrics?x=1 HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\nConnection: close\r\n\r\n',
);
holdsInTime(
  'a good request, damaged',
  damaged(whole),
  async (bytes) => assertAnswer((await answerTo(bytes)) || 'HTTP/1.1 400 '),
  { runs: 400 },
);
holdsInTime(
  'bytes',
  uint8Array({ minLength: 1, maxLength: 300 }),
  async (bytes) => assertAnswer((await answerTo(bytes)) || 'HTTP/1.1 400 '),
  { runs: 200 },
);

test('and it answers as before', async () => {
  const { status, body } = await ask(endpoint, '/metrics');
  assert.deepEqual([status, body.includes('device="tap0"')], [200, true]);
});

holdsForAll(
  'Accept and Accept-Encoding of any text choose one of two',
  oneof(anyText(80), hostileText(20)),
  (header) => {
    assert.match(negotiateFormat(header), /^(text|openmetrics)$/);
    assert.equal(typeof acceptsGzip(header), 'boolean');
  },
);

const checkHost = createHostCheck(['agent.example']);
holdsForAll(
  'a name that is not ours is refused, however it is written',
  record({ host: anyText(), origin: anyText(), site: constantFrom('none', 'same-origin', 'cross-site', 'x') }),
  ({ host, origin, site }) => {
    const refused = checkHost({ host, 'sec-fetch-site': site }, false);
    const isOurs =
      /^(localhost|[^:]*\.localhost|agent\.example)\.?(:\d+)?$/i.test(host) ||
      /^[\d.]+(:\d+)?$|^\[[\da-f:.]+\](:\d+)?$/i.test(host);
    assert.ok(refused !== undefined || isOurs, `${JSON.stringify(host)} is let in`);
    assert.ok((refused?.line.length ?? 0) < 1000 && !/\p{Cc}/u.test(refused?.line ?? ''));
    const elsewhere = checkHost({ host: 'localhost', origin: `https://${origin}.example` }, true);
    assert.equal(elsewhere?.status, 403);
  },
);
