// SPDX-License-Identifier: Apache-2.0
// Needs: openssl.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAuthority, temporaryFolder } from '../../../test/agent/certificates.ts';
import { parseWebConfig } from './parser.ts';

const hash = '$2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze';

const noFile = (key: string, name: string): string => {
  throw new Error(`${key} asked for ${name}`);
};

test('an empty file configures nothing', () => {
  for (const text of ['', '# nothing\n', '{}', 'basic_auth_users:\n']) {
    const { tls, users, headers, rate } = parseWebConfig(text, noFile);
    assert.deepEqual([tls, users.size, headers.size, rate], [undefined, 0, 0, { intervalMs: 20, burst: 100 }]);
  }
});

test('users, headers and the rate limit, as other exporters have them', () => {
  const text = `
basic_auth_users:
  alice: ${hash}
  123: ${hash}
http_server_config:
  http2: true
  headers:
    X-Frame-Options: sameorigin
    Strict-Transport-Security: max-age=31536000
    Content-Security-Policy: ''
rate_limit:
  interval: 1m30s
  burst: 20
`;
  const { users, headers, rate } = parseWebConfig(text, noFile);
  assert.deepEqual([...users.keys()], ['alice', '123']);
  assert.deepEqual(Object.fromEntries(headers), {
    'x-frame-options': 'sameorigin',
    'strict-transport-security': 'max-age=31536000',
    'content-security-policy': '',
  });
  assert.deepEqual(rate, { intervalMs: 90_000, burst: 20 });
});

test("Go's names for TLS become OpenSSL's", (t) => {
  const folder = temporaryFolder(t);
  const authority = makeAuthority(folder, 'authority');
  const { cert, key } = authority.issue('server', 'DNS:localhost');
  const files: Readonly<Record<string, string>> = { 'a.crt': cert, 'a.key': key, 'ca.crt': authority.cert };
  const text = `
tls_server_config:
  cert_file: a.crt
  key_file: a.key
  client_ca_file: ca.crt
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [prometheus.example]
  min_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA]
  curve_preferences: [X25519, CurveP256]
`;
  const { tls } = parseWebConfig(text, (_, name) => files[name] ?? '');
  assert.deepEqual([tls?.context.minVersion, tls?.context.maxVersion], ['TLSv1.3', 'TLSv1.3']);
  assert.match(
    String(tls?.context.ciphers),
    /^TLS_AES.*:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-AES256-SHA$/,
  );
  assert.equal(tls?.context.ecdhCurve, 'X25519:P-256');
  assert.deepEqual([tls?.verifiesClients, tls?.allowedNames], [true, ['prometheus.example']]);
});

const tls = (lines: string) => `tls_server_config:\n  cert_file: a\n  key_file: b\n${lines}`;

for (const [text, message] of [
  ['tls_server_confg: {}', /^tls_server_confg is unknown; tapscope knows there: tls_server_config, http_server_config/],
  [tls('  cert: inline\n'), /^tls_server_config\.cert is unknown; /],
  ['http_server_config:\n  headers:\n    X-Powered-By: x', /^http_server_config\.headers\.X-Powered-By is unknown; /],
  [
    'http_server_config:\n  headers:\n    X-Frame-Options: allow',
    /X-Frame-Options must be one of deny, sameorigin, not/,
  ],
  [
    'http_server_config:\n  headers:\n    X-XSS-Protection: "a\\nb"',
    /X-XSS-Protection must be text of printable ASCII$/,
  ],
  ['http_server_config:\n  http2: maybe', /^http_server_config\.http2 must be true or false$/],
  [
    'basic_auth_users:\n  bob: secret',
    /^basic_auth_users\.bob is not a bcrypt hash; "htpasswd -nBC 10 bob" makes one$/,
  ],
  ['basic_auth_users:\n  bob: 12', /^basic_auth_users\.bob is not a bcrypt hash/],
  ['basic_auth_users:\n  - bob', /^basic_auth_users must be a mapping/],
  [`basic_auth_users:\n  "a:b": ${hash}`, /can never log in/],
  [`basic_auth_users:\n  bob: ${hash}\n  bob: ${hash}`, /^it is not YAML \(Map keys must be unique at line 3/],
  ['rate_limit:\n  interval: soon\n  burst: 1', /^rate_limit\.interval must be a time such as 1s/],
  ['rate_limit:\n  interval: 1s', /^rate_limit\.burst must be a whole number/],
  ['rate_limit:\n  interval: 1s\n  burst: 1.5', /^rate_limit\.burst must be a whole number/],
  ['just text', /^it must be a mapping of keys to values$/],
  ['a: [1', /^it is not YAML \(.*\)$/],
  ['tls_server_config:\n  cert_file: a', /^tls_server_config\.key_file is missing$/],
  ['tls_server_config:\n  key_file: b', /^tls_server_config\.cert_file is missing$/],
  ['tls_server_config:\n  min_version: TLS12', /^tls_server_config\.cert_file is missing$/],
  [tls('  client_auth_type: Trust'), /client_auth_type must be one of NoClientCert, .*, not Trust$/],
  [
    tls('  client_auth_type: RequireAndVerifyClientCert'),
    /client_ca_file is missing: RequireAndVerifyClientCert needs it$/,
  ],
  [tls('  client_ca_file: c'), /client_ca_file does nothing without client_auth_type/],
  [tls('  client_allowed_sans: [a]'), /client_allowed_sans does nothing without client_auth_type/],
  [tls('  min_version: TLS14'), /min_version must be one of TLS10, TLS11, TLS12, TLS13, not TLS14$/],
  [tls('  min_version: TLS13\n  max_version: TLS12'), /min_version is above max_version$/],
  [tls('  cipher_suites: [TLS_ROT13]'), /cipher_suites knows no TLS_ROT13$/],
  [tls('  curve_preferences: [P1]'), /curve_preferences knows no P1$/],
  [
    tls(''),
    /^tls_server_config does not work: its certificate, key or client CA is broken, or they do not fit \(.*\)$/,
  ],
] as const) {
  test(`refused: ${text.replaceAll('\n', ' | ')}`, () => {
    assert.throws(
      () => parseWebConfig(text, () => 'no PEM'),
      (error: Error) => {
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      },
    );
  });
}
