// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Bad answers of an engine: each is reported in one sentence.
import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import { serveLocally } from '../../test/host/local-server.ts';
import { slowness } from '../../test/host/slowness.ts';
import { ask, endpointOf } from './prometheus-api.ts';

const answers =
  (text: string, status = 200): RequestListener =>
  (_, response) =>
    response.writeHead(status).end(text);
const refused: readonly (readonly [what: string, listener: RequestListener, sentence: RegExp])[] = [
  [
    'a page of HTML',
    answers('<!doctype html><title>Grafana</title>'),
    /answers, but not as the API of Prometheus does/,
  ],
  ['nothing, for ever', () => {}, /did not answer in time\.$/],
  ['half an answer', (_, response) => response.write('{"status":'), /did not answer in time\.$/],
  ['an error of the engine', answers('{"status":"error","error":"parse error"}', 400), /refuses a query: parse error$/],
  ['a question for a password', answers('', 401), /asks for a password or token \(HTTP 401\)/],
  ['a broken connection', (_, response) => response.destroy(), /cannot be reached: /],
];

/** For an answer that comes: the first fetch of a process loads its client. */
const limitMs = Math.ceil(500 * (await slowness()));

for (const [what, listener, sentence] of refused)
  test(`an engine that answers with ${what}`, async (t) => {
    const endpoint = endpointOf(await serveLocally(t, listener), [], limitMs);
    await assert.rejects(ask(endpoint, 'up'), sentence);
  });

test('no engine at all', async () => {
  await assert.rejects(
    ask(endpointOf('http://127.0.0.1:1/prefix/', [], 500), 'up'),
    /^Error: http:\/\/127\.0\.0\.1:1\/prefix.* cannot be reached: /,
  );
});

test('values, warnings, a password and a header of a tenant', async (t) => {
  let headers: unknown;
  const url = await serveLocally(t, (request, response) => {
    headers = [request.url, request.headers.authorization, request.headers['x-scope-orgid']];
    const result = [
      { metric: { device: 'vnet0' }, value: [1, '17'] },
      { metric: { device: 'vnet1' }, value: [1, 'NaN'] },
    ];
    response.end(JSON.stringify({ status: 'success', data: { result }, warnings: ['store b is away'] }));
  });
  const endpoint = endpointOf(url.replace('//', '//me:sec%20ret@'), ['X-Scope-OrgID: team1'], 5000);
  assert.deepEqual(await ask(endpoint, 'up'), {
    samples: [{ labels: { device: 'vnet0' }, value: 17 }],
    warnings: ['store b is away'],
  });
  assert.deepEqual(headers, ['/api/v1/query', `Basic ${btoa('me:sec ret')}`, 'team1']);
});

test('no address, and no header', () => {
  assert.throws(
    () => endpointOf('prometheus:9090', [], 1),
    /^Error: --url=prometheus:9090 is not the address of a Prometheus API/,
  );
  assert.throws(() => endpointOf('http://a', ['nonsense'], 1), /^Error: --header=nonsense is not a header/);
});
