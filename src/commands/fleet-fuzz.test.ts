// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Random answers of an engine to `tapscope fleet`: any JSON, bytes, labels. The output is safe for terminals, or one sentence.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after } from 'node:test';
import { anything, array, constantFrom, dictionary, integer, jsonValue, oneof, record, uint8Array } from 'fast-check';
import { anyText, hostileText, typedWord } from '../../test/fuzz/hostile-text.ts';
import { assertSentence, holdsForAll, holdsInTime, orSentence } from '../../test/fuzz/property.ts';
import { fleetOf, lookAtFleet } from '../fleet/fleet-state.ts';
import { ask, endpointOf } from '../fleet/prometheus-api.ts';
import { renderFleet } from '../outputs/fleet-text.ts';

const DRIVES = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
let answer: { readonly status: number; readonly body: string | Uint8Array } = { status: 200, body: '' };
const server = createServer((_, response) => response.writeHead(answer.status).end(answer.body)).listen(0, '127.0.0.1');
await once(server, 'listening');
after(() => {
  server.closeAllConnections();
  server.close();
});
const address = server.address();
const endpoint = endpointOf(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`, [], 20_000);

const label = oneof(
  constantFrom(
    'instance',
    'netns',
    'device',
    'tenant',
    'kernel',
    'qdisc',
    'state',
    'rule',
    'severity',
    'constructor',
    'toString',
    '__proto__',
  ),
  anyText(10),
);
const scalar = oneof(
  constantFrom('1', '0', '500', 'NaN', '+Inf', '-Inf', '', '1e999', '-3'),
  jsonValue({ maxDepth: 1 }),
);
/** A sample in the form of the API, with any content. */
const sample = record({
  metric: dictionary(label, oneof(hostileText(3), constantFrom('a', 'b')), { maxKeys: 6 }),
  value: array(scalar, { maxLength: 3 }).map((more) => [1, ...more]),
});
const result = array(oneof(sample, jsonValue({ maxDepth: 2 })), { maxLength: 6 });
const api = record(
  {
    status: constantFrom('success', 'success', 'error', ''),
    data: oneof(record({ resultType: constantFrom('vector'), result }), jsonValue({ maxDepth: 1 })),
    error: oneof(anyText(), jsonValue({ maxDepth: 1 }), constantFrom({ toString: 1 })),
    warnings: oneof(array(oneof(anyText(), constantFrom({ toString: 1 }, null))), jsonValue({ maxDepth: 1 })),
  },
  { requiredKeys: ['status'] },
);
const body = oneof(
  api.map((one) => JSON.stringify(one)),
  jsonValue().map((one) => JSON.stringify(one)),
  anyText(),
  uint8Array({ maxLength: 100 }),
);
const status = constantFrom(200, 200, 200, 204, 400, 401, 422, 500, 503);

holdsInTime(
  'an answer is samples of texts and numbers, or one sentence',
  record({ status, body }),
  async (given) => {
    answer = given;
    try {
      const { samples, warnings } = await ask(endpoint, 'up');
      for (const { labels, value } of samples) {
        assert.ok(Number.isFinite(value));
        for (const text of Object.values(labels)) assert.equal(typeof text, 'string');
      }
      for (const warning of warnings) assert.ok(typeof warning === 'string' && warning.length <= 501);
    } catch (error) {
      assertSentence(error);
    }
  },
  {
    runs: 500,
    examples: [
      { status: 200, body: '{"status":"error","error":{"toString":1}}' },
      { status: 200, body: '{"status":"success","data":{"result":[{"metric":{"a":{"toString":1}},"value":[1,"1"]}]}}' },
      { status: 200, body: '{"status":"success","data":{"result":[{"metric":{},"value":[1,{"valueOf":1}]}]}}' },
    ],
  },
);

holdsInTime(
  'a screen that drives no terminal',
  record({ api, width: integer({ min: 10, max: 120 }) }),
  async ({ api: given, width }) => {
    answer = { status: 200, body: JSON.stringify(given) };
    try {
      const fleet = await lookAtFleet(endpoint, 3600);
      assert.doesNotMatch(renderFleet(fleet, { width, colours: false }), DRIVES);
      for (const { properties } of fleet.taps)
        assert.ok(Object.keys(properties).every((name) => !name.startsWith('function')));
    } catch (error) {
      assertSentence(error);
    }
  },
  {
    runs: 100,
    examples: [
      {
        api: {
          status: 'success',
          data: { resultType: 'vector', result: [{ metric: { constructor: 'x' }, value: [1, '1'] }] },
        },
        width: 80,
      },
    ],
  },
);

const nothing = { seconds: 60, hosts: [], silent: [], ambiguous: [], warnings: [] };
const tap = { netns: '1', refused: 0, finding: undefined, reader: undefined, inexact: false };
holdsForAll(
  'taps that lose packets and have nothing in common but the names of their labels',
  record({ property: anyText(10), host: anyText(10), device: anyText(10), width: integer({ min: 10, max: 120 }) }),
  ({ property, host, device, width }) => {
    const losses = { offered: 1000, lost: { atRing: 500, before: 0, uncounted: 0 } };
    const fleet = fleetOf([{ ...tap, ...losses, host, device, properties: { [property]: 'a' } }], nothing);
    assert.doesNotMatch(renderFleet(fleet, { width, colours: false }), DRIVES);
  },
  { runs: 2000 },
);

holdsForAll(
  '--url and --header of any text',
  record({
    url: oneof(
      typedWord(),
      typedWord().map((text) => `http://${text}`),
      typedWord().map((text) => `http://${text}@a/`),
    ),
    header: oneof(
      typedWord(),
      typedWord().map((text) => `X: ${text}`),
    ),
  }),
  ({ url, header }) => {
    const found = orSentence(() => endpointOf(url, [header], 1), 2000);
    assert.ok(found === undefined || /^https?:\/\/[^/]/.test(found.url));
  },
  { examples: [{ url: 'http://%zz@a/', header: 'X: 1' }] },
);

holdsForAll(
  'no value of JavaScript is taken for a sentence of ours',
  anything(),
  (value) => {
    assert.throws(() => assertSentence(value instanceof Error ? undefined : value));
  },
  { runs: 100 },
);
