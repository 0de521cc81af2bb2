// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The file of --web.config.file, however it is written: a config whose values are within their limits, or one sentence.
import assert from 'node:assert/strict';
import { anything, array, constantFrom, dictionary, integer, oneof, record, tuple } from 'fast-check';
import { stringify } from 'yaml';
import { damaged } from '../../../test/fuzz/damage.ts';
import { anyText, hostileText } from '../../../test/fuzz/hostile-text.ts';
import { holdsForAll, orSentence } from '../../../test/fuzz/property.ts';
import { parseWebConfig } from './parser.ts';

const HASH = `$2y$10$${'a'.repeat(53)}`;
const GOOD = `basic_auth_users:\n  prometheus: ${HASH}\nhttp_server_config:\n  http2: true\n  headers:\n    X-Frame-Options: deny\nrate_limit:\n  interval: 1m30s\n  burst: 5\ntls_server_config:\n  cert_file: a\n`;

function assertConfig(text: string): void {
  const config = orSentence(() =>
    parseWebConfig(text, (key) => {
      throw new Error(`${key} cannot be read`);
    }),
  );
  if (config === undefined) return;
  const { users, headers, rate } = config;
  for (const [user, hash] of users) assert.ok(!user.includes(':') && hash.length === 60);
  for (const header of headers.values()) assert.match(header, /^[\t\x20-\x7e]*$/);
  assert.ok(Number.isFinite(rate.intervalMs) && rate.intervalMs >= 0 && Number.isSafeInteger(rate.burst));
}

const key = oneof(
  constantFrom(
    'tls_server_config',
    'http_server_config',
    'basic_auth_users',
    'rate_limit',
    'headers',
    'http2',
    'interval',
    'burst',
  ),
  constantFrom(
    'cert_file',
    'key_file',
    'min_version',
    'cipher_suites',
    'X-Frame-Options',
    'Content-Security-Policy',
    '__proto__',
    '<<',
  ),
  hostileText(3),
);
const interval = array(tuple(integer({ min: 0 }), constantFrom('us', 'µs', 'ms', 's', 'm', 'h', 'd')), {
  maxLength: 3,
}).map((all) => all.flat().join(''));
const leaf = oneof(
  constantFrom(HASH, '$2y$31$', 'deny', true, null, 0, -1, 1e308, `${'9'.repeat(400)}h`),
  anyText(),
  interval,
  anything({ maxDepth: 1, maxKeys: 2 }),
);
const section = dictionary(key, oneof(leaf, dictionary(key, leaf, { maxKeys: 3 })), { maxKeys: 3 });
const config = record(
  {
    tls_server_config: oneof(section, leaf),
    http_server_config: oneof(record({ http2: leaf, headers: oneof(section, leaf) }, { requiredKeys: [] }), leaf),
    basic_auth_users: oneof(dictionary(anyText(8), oneof(constantFrom(HASH), leaf), { maxKeys: 3 }), leaf),
    rate_limit: oneof(
      record({ interval: oneof(interval, leaf), burst: oneof(integer(), leaf) }, { requiredKeys: [] }),
      leaf,
    ),
  },
  { requiredKeys: [] },
);

holdsForAll(
  'of sections with odd values',
  config.map((one) => {
    try {
      return stringify(one);
    } catch {
      return '';
    }
  }),
  assertConfig,
  { runs: 4000, examples: [`rate_limit: {interval: ${'9'.repeat(400)}h, burst: 1}`, 'rate_limit: {burst: 1e+308}'] },
);

const mark = constantFrom(
  ...'{}[]&*!|>\'"%@`#,:-? \n\t~',
  '&a ',
  '*a',
  '- ',
  ': ',
  '\n  ',
  '!!',
  '<<: ',
  '---',
  '...',
  '%YAML 9',
  'a',
  '1',
);
holdsForAll(
  'of marks that mean something to YAML',
  array(mark, { maxLength: 20 }).map((marks) => marks.join('')),
  assertConfig,
  { runs: 4000 },
);
holdsForAll(
  'a good one, damaged',
  damaged(Buffer.from(GOOD)).map((bytes) => Buffer.from(bytes).toString()),
  assertConfig,
  { runs: 2000 },
);
holdsForAll(
  'nested as deep as there is room',
  integer({ min: 1, max: 20_000 }),
  (depth) => {
    assertConfig('['.repeat(depth));
    assertConfig('{a: '.repeat(depth));
  },
  { runs: 2, examples: [20_000] },
);
