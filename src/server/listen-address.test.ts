// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, isLoopback, listenError, parseListenAddress } from './listen-address.ts';

for (const [text, host, port, loopback] of [
  ['127.0.0.1:9000', '127.0.0.1', 9000, true],
  [':9000', undefined, 9000, false],
  ['[::1]:9000', '::1', 9000, true],
  ['[::]:9000', '::', 9000, false],
  ['[fe80::1%eth0]:9000', 'fe80::1%eth0', 9000, false],
  ['localhost:0', 'localhost', 0, true],
  ['0.0.0.0:65535', '0.0.0.0', 65_535, false],
  ['host.example:80', 'host.example', 80, false],
  ['127.evil.example:80', '127.evil.example', 80, false],
] as const) {
  test(`${text} is an address`, () => {
    const address = parseListenAddress(text);
    assert.deepEqual(address, { host, port });
    assert.equal(formatAddress(address), text);
    assert.equal(isLoopback(address), loopback);
  });
}

test('brackets may hold an address of IPv4', () => {
  assert.deepEqual(parseListenAddress('[10.1.2.3]:9000'), { host: '10.1.2.3', port: 9000 });
});

for (const text of [
  '',
  '9000',
  ':',
  '127.0.0.1',
  '127.0.0.1:',
  '::1:9000',
  '[::1]',
  '[::g]:9000',
  '[localhost]:9000',
  ':65536',
  ':-1',
  ':9e3',
  'a b:1',
  'http://127.0.0.1:9000',
]) {
  test(`"${text}" is none, in one sentence`, () => {
    assert.throws(() => parseListenAddress(text), {
      message: `cannot listen on "${text}": not an address and port; write for example 127.0.0.1:10747, [::1]:10747 or :10747 (every address).`,
    });
  });
}

for (const [code, message] of [
  [
    'EADDRINUSE',
    /^cannot listen on 127\.0\.0\.1:80: another program listens there already; "ss -ltnp sport = :80" names it: .*\.$/,
  ],
  ['EACCES', /^cannot listen on 127\.0\.0\.1:80: ports below 1024 need root or CAP_NET_BIND_SERVICE: .*\.$/],
  ['EADDRNOTAVAIL', /^cannot listen on 127\.0\.0\.1:80: this host has no such address; .*\.$/],
  ['ENOTFOUND', /^cannot listen on 127\.0\.0\.1:80: the name 127\.0\.0\.1 has no address: .*\.$/],
  ['EOTHER', /^cannot listen on 127\.0\.0\.1:80: Error: it broke; choose another address with --web.listen-address\.$/],
] as const) {
  test(`${code} is said in one sentence`, () => {
    const cause = Object.assign(new Error('it broke'), { code });
    assert.match(listenError({ host: '127.0.0.1', port: 80 }, cause).message, message);
  });
}
