// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Good and bad answers of a collector: real HTTP on a free port of 127.0.0.1.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { at, parseJson } from '../../../test/host/checked-json.ts';
import { serveLocally } from '../../../test/host/local-server.ts';
import { madeUpFinding } from '../../../test/snapshots/made-up-finding.ts';
import type { Finding } from '../../diagnosis/finding.ts';
import { Complaints } from './otlp-complaints.ts';
import { otlpEndpoint } from './otlp-endpoint.ts';
import { OtlpExporter } from './otlp-exporter.ts';
import { createPost } from './otlp-post.ts';

const answers =
  (status: number, text = '', headers: Readonly<Record<string, string>> = {}): RequestListener =>
  (request, response) =>
    request.resume().on('end', () => response.writeHead(status, headers).end(text));

const NO_ANSWER = /no answer in 0\.3 s/;
const cases: readonly (readonly [what: string, listener: RequestListener, outcome: string, reason: RegExp])[] = [
  ['an empty answer', answers(200), 'accepted', /^$/],
  ['an empty object', answers(200, '{}', { 'content-type': 'application/json' }), 'accepted', /^$/],
  ['a warning', answers(200, '{"partialSuccess":{"errorMessage":"old"}}'), 'accepted', /^$/],
  [
    'a partial success',
    answers(200, '{"partialSuccess":{"rejectedDataPoints":"7","errorMessage":"too\\u001b many"}}'),
    'partial',
    /^rejects 7 of the data: too� many$/,
  ],
  [
    'a page of HTML',
    answers(200, '<html>', { 'content-type': 'text/html' }),
    'refused',
    /not as a collector does \(HTTP 200, text\/html\)/,
  ],
  [
    'a bad request',
    answers(400, '{"code":3,"message":"cannot parse"}'),
    'refused',
    /^refuses the data \(HTTP 400\): cannot parse$/,
  ],
  ['a question for a password', answers(401), 'refused', /give it with --otlp-header/],
  ['no such page', answers(404), 'refused', /is a path missing in --otlp\?$/],
  ['a redirection', answers(302, '', { location: 'http://127.0.0.1:1/' }), 'refused', /\(HTTP 302\)$/],
  ['too many requests', answers(429, '', { 'retry-after': '7' }), 'busy', /^asks to come later \(HTTP 429\)$/],
  ['nothing, for ever', () => {}, 'unreachable', NO_ANSWER],
  ['half an answer', (_, response) => response.write('{'), 'unreachable', NO_ANSWER],
  ['a broken connection', (_, response) => response.destroy(), 'unreachable', /^cannot be reached \(.+\)$/],
];

for (const [what, listener, outcome, reason] of cases)
  test(`a collector that answers with ${what}`, async (t) => {
    const { post, close } = createPost(
      otlpEndpoint({ url: await serveLocally(t, listener), headers: [], caFile: undefined }),
      '0.1.0',
      reason === NO_ANSWER ? 300 : undefined,
    );
    t.after(close);
    const answer = await post('/v1/metrics', '{}');
    assert.equal(answer.outcome, outcome);
    assert.match(answer.reason, reason);
    assert.equal(answer.afterMs, what === 'too many requests' ? 7000 : undefined);
    assert.equal(answer.rejected, outcome === 'partial' ? 7 : undefined);
  });

test('no collector at all, and one that speaks gRPC', async (t) => {
  const grpc = createTcpServer((socket) => socket.end(Buffer.from([0, 0, 6, 4, 0, 0, 0, 0, 0, 0]))).listen(
    0,
    '127.0.0.1',
  );
  t.after(() => grpc.close());
  await once(grpc, 'listening');
  const address = grpc.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  for (const [url, reason] of [
    ['http://127.0.0.1:1', /ECONNREFUSED/],
    [`http://127.0.0.1:${port}`, /it does not speak HTTP; OTLP over HTTP listens on port 4318/],
  ] as const) {
    const { post, close } = createPost(otlpEndpoint({ url, headers: [], caFile: undefined }), '0.1.0', 5000);
    t.after(close);
    assert.match((await post('/v1/logs', '{}')).reason, reason);
  }
});

test('the request: compressed JSON, headers, a password', async (t) => {
  const got: unknown[] = [];
  const url = await serveLocally(t, (request, response) => {
    const chunks: Buffer[] = [];
    request
      .on('data', (chunk) => chunks.push(chunk))
      .on('end', () => {
        const { authorization, 'x-scope-orgid': tenant, 'content-type': type, 'user-agent': agent } = request.headers;
        got.push([request.url, authorization, tenant, type, agent, String(gunzipSync(Buffer.concat(chunks)))]);
        response.end('{}');
      });
  });
  const words = {
    url: `${url.replace('//', '//me:sec%20ret@')}/otlp/`,
    headers: ['X-Scope-OrgID: team1'],
    caFile: undefined,
  };
  const { post, close } = createPost(otlpEndpoint(words), '0.1.0');
  t.after(close);
  assert.equal((await post('/v1/logs', '{"a":1}')).outcome, 'accepted');
  assert.deepEqual(got, [
    ['/otlp/v1/logs', `Basic ${btoa('me:sec ret')}`, 'team1', 'application/json', 'tapscope/0.1.0', '{"a":1}'],
  ]);
});

const finding = (queue: number): Finding =>
  madeUpFinding({ rule: 'reader-starved', severity: 'warning', queue, cause: 'It waits.' });

test('findings wait for a collector that is busy, the newest 1000 of them; what it refuses is lost, and counted', async (t) => {
  let status = 503;
  let got = 0;
  const url = await serveLocally(t, (request, response) => {
    const chunks: Buffer[] = [];
    request
      .on('data', (chunk) => chunks.push(chunk))
      .on('end', () => {
        const records = at(
          parseJson(String(gunzipSync(Buffer.concat(chunks)))),
          'resourceLogs',
          0,
          'scopeLogs',
          0,
          'logRecords',
        );
        if (status === 200 && Array.isArray(records)) got += records.length;
        response.writeHead(status, { 'retry-after': '1' }).end();
      });
  });
  const said: string[] = [];
  const endpoint = otlpEndpoint({ url, headers: [], caFile: undefined });
  const exporter = new OtlpExporter(
    { endpoint, everyMs: 3_600_000 },
    { version: '0.1.0', hostName: 'h', hostId: '', instanceId: 'i' },
    (error) => {
      said.push(error.message);
    },
  );
  t.after(() => exporter.close());
  let hear: (numbers: readonly number[]) => void = () => assert.fail();
  exporter.start({
    rows: () => Promise.resolve({ rows: [], takenAt: 1 }),
    observer: {
      listen: (told) => {
        const window = { endedAt: 1, startedAt: 0, seconds: 1, devices: [], agent: undefined };
        hear = (numbers) =>
          Reflect.apply(told, undefined, [{ window, active: numbers.map((queue) => ({ finding: finding(queue) })) }]);
        return () => {};
      },
    },
  });
  const count = (outcome: string): number =>
    exporter.exports().counts.find((one) => one.signal === 'logs' && one.outcome === outcome)?.requests ?? 0;
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await wait(5);
  };
  const all = Array.from({ length: 1100 }, (_, queue) => queue);
  hear(all);
  await until(() => count('busy') === 1 && exporter.exports().lostRecords === 100);
  status = 200;
  hear(all);
  assert.equal(count('accepted'), 0, 'it was asked to wait for a second');
  await wait(1100);
  hear(all);
  await until(() => count('accepted') === 1);
  assert.equal(got, 1000);
  status = 400;
  hear([]);
  await until(() => count('refused') === 1);
  assert.equal(exporter.exports().lostRecords, 100 + 100 + 1000);
  assert.deepEqual(said, [
    `The collector at ${url} asks to come later (HTTP 503).`,
    `The collector at ${url} takes all data again.`,
  ]);
});

test('the log hears once of a collector that is away for an hour, and once that it is back', () => {
  const said: string[] = [];
  const complaints = new Complaints('http://c', (error) => said.push(error.message));
  for (let minute = 0; minute < 60; minute += 1) {
    complaints.answered('metrics', 'is away', 60_000 * minute);
    complaints.answered('logs', 'is away', 60_000 * minute + 1);
  }
  assert.equal(said.length, 6);
  complaints.answered('metrics', '', 3_600_000);
  complaints.answered('logs', '', 3_600_001);
  assert.deepEqual(said.slice(5), [
    'The collector at http://c is away.',
    'The collector at http://c takes all data again.',
  ]);
});
