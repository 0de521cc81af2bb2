// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Random answers and addresses of a collector: an outcome and a reason of bounded length, never an exception.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after } from 'node:test';
import { constantFrom, jsonValue, oneof, record, uint8Array } from 'fast-check';
import { anyText, typedWord } from '../../../test/fuzz/hostile-text.ts';
import { holdsForAll, holdsInTime, orSentence } from '../../../test/fuzz/property.ts';
import { otlpEndpoint } from './otlp-endpoint.ts';
import { createPost } from './otlp-post.ts';

let answer: {
  readonly status: number;
  readonly type: string;
  readonly wait: string;
  readonly body: string | Uint8Array;
};
const server = createServer((request, response) => {
  const headers = { 'content-type': answer.type, 'retry-after': answer.wait };
  request.resume().on('end', () => response.writeHead(answer.status, headers).end(answer.body));
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
const { post, close } = createPost(otlpEndpoint({ url, headers: [], caFile: undefined }), '0.1.0');
after(() => {
  close();
  server.close();
});

const value = oneof(
  jsonValue({ maxDepth: 1 }),
  anyText(),
  constantFrom(0, 7, '7', -1, 1e308, '1e400', { toString: 1 }, { valueOf: 1 }),
);
const partial = record(
  { rejectedDataPoints: value, rejectedLogRecords: value, errorMessage: value },
  { requiredKeys: [] },
);
const said = record({ partialSuccess: oneof(partial, value), message: value, code: value }, { requiredKeys: [] });
const word = (most: number) => typedWord(most).map((text) => text.replace(/[^\x20-\x7e\xa0-\xff]/g, '?'));

holdsInTime(
  'an answer of a collector',
  record({
    status: constantFrom(200, 200, 200, 202, 204, 301, 400, 401, 404, 429, 500, 503),
    type: oneof(constantFrom('application/json', 'application/x-protobuf', 'text/html'), word(60)),
    wait: oneof(constantFrom('7', '-1', '9'.repeat(30), 'Wed, 21 Oct 2015 07:28:00 GMT', ''), word(20)),
    body: oneof(
      said.map((one) => JSON.stringify(one)),
      jsonValue().map((one) => JSON.stringify(one)),
      anyText(),
      uint8Array({ maxLength: 60 }),
    ),
  }),
  async (given) => {
    answer = given;
    const { outcome, reason, afterMs = 0, rejected = 0 } = await post('/v1/metrics', '{}');
    assert.match(outcome, /^(accepted|partial|refused|busy)$/);
    assert.equal(reason === '', outcome === 'accepted');
    assert.ok(reason.length < 500, reason);
    assert.doesNotMatch(reason, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
    assert.ok(afterMs >= 0 && afterMs <= 300_000 && rejected >= 0 && Number.isFinite(rejected));
  },
  {
    runs: 500,
    examples: [
      {
        status: 200,
        type: 'application/json',
        wait: '',
        body: '{"partialSuccess":{"rejectedDataPoints":{"toString":1}}}',
      },
    ],
  },
);

holdsForAll(
  '--otlp and --otlp-header of any text',
  record({
    given: oneof(
      typedWord(),
      typedWord().map((text) => `http://${text}`),
      typedWord().map((text) => `https://${text}@a`),
    ),
    header: oneof(
      typedWord(),
      typedWord().map((text) => `X: ${text}`),
    ).map((text) => text.replace(/^@/, '')),
  }),
  ({ given, header }) => {
    const found = orSentence(() => otlpEndpoint({ url: given, headers: [header], caFile: undefined }), 2000);
    assert.ok(found === undefined || /^https?:\/\/[^/]/.test(found.url));
  },
  { examples: [{ given: 'http://%zz@a/', header: 'X: 1' }] },
);
