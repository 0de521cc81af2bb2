// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { otlpPorts, otlpProxy } from './otlp-proxy.ts';

const HTTP = 'http://collector:4318';
const HTTPS = 'https://collector';
const ON = { NODE_USE_ENV_PROXY: '1' };
const BOTH = { ...ON, HTTP_PROXY: 'http://plain:3128', HTTPS_PROXY: 'http://secure:8080' };

const CASES = [
  ['without the switch of Node.js', HTTP, { HTTP_PROXY: 'http://plain:3128' }, undefined, [53, 4318]],
  ['switched on by something else', HTTP, { ...BOTH, NODE_USE_ENV_PROXY: 'true' }, undefined, [53, 4318]],
  ['by the scheme of the collector', HTTP, BOTH, { HTTP_PROXY: 'http://plain:3128' }, [53, 4318, 3128]],
  ['TLS', HTTPS, BOTH, { HTTPS_PROXY: 'http://secure:8080' }, [53, 443, 8080]],
  ['the other scheme’s alone', HTTPS, { ...ON, HTTP_PROXY: 'http://plain:3128' }, undefined, [53, 443]],
  [
    'small letters come first',
    HTTP,
    { ...BOTH, http_proxy: 'http://p:1' },
    { HTTP_PROXY: 'http://p:1' },
    [53, 4318, 1],
  ],
  ['without a port', HTTP, { ...ON, HTTP_PROXY: 'http://p' }, { HTTP_PROXY: 'http://p' }, [53, 4318, 80]],
  ['by TLS, without a port', HTTPS, { ...ON, https_proxy: 'https://p' }, { HTTPS_PROXY: 'https://p' }, [53, 443]],
  ['empty', HTTP, { ...ON, HTTP_PROXY: '' }, undefined, [53, 4318]],
  [
    'with exceptions',
    HTTP,
    { ...BOTH, NO_PROXY: 'other' },
    { HTTP_PROXY: 'http://plain:3128', NO_PROXY: 'other' },
    [53, 4318, 3128],
  ],
] as const;

for (const [name, url, variables, given, ports] of CASES)
  test(`a proxy before the collector: ${name}`, () => {
    const proxy = otlpProxy(new URL(url), variables, true);
    assert.deepEqual(proxy?.variables, given);
    assert.deepEqual(otlpPorts(url, proxy), ports);
  });

test('a Node.js that knows no proxies connects without', () => {
  assert.equal(otlpProxy(new URL(HTTP), BOTH, false), undefined);
});

for (const bad of ['proxy:3128', 'socks5://user:secret@proxy:1080', 'http://', '::'])
  test(`${bad} is no proxy, which a sentence says without a password`, () => {
    assert.throws(() => otlpProxy(new URL(HTTP), { ...ON, http_proxy: bad }, true), {
      message: 'HTTP_PROXY is not the address of a proxy; write for example HTTP_PROXY=http://proxy:3128.',
    });
  });
