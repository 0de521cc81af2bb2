// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exposure } from './exposure.ts';
import { parseListenAddress } from './listen-address.ts';
import { noWebConfig, type WebConfig } from './web-config/web-config.ts';

const tls = { context: {}, asksClients: false, requiresClients: false, checksClients: false, allowedNames: [] };
const users = new Map([['alice', 'hash']]);
const open = { ...noWebConfig, tls: { ...tls, verifiesClients: false } };
const mutual = { ...noWebConfig, tls: { ...tls, verifiesClients: true } };

const cases: readonly (readonly [address: string, config: WebConfig, words: RegExp | undefined])[] = [
  ['127.0.0.1:1', noWebConfig, undefined],
  ['[::1]:1', noWebConfig, undefined],
  [':1', noWebConfig, /^every client that reaches :1 can read the metrics: .*\.$/],
  ['10.0.0.1:1', open, /^every client that reaches 10\.0\.0\.1:1 can read/],
  [
    '10.0.0.1:1',
    { ...noWebConfig, users },
    /^passwords and metrics cross the network to 10\.0\.0\.1:1 unencrypted: .*\.$/,
  ],
  ['10.0.0.1:1', { ...open, users }, undefined],
  ['10.0.0.1:1', mutual, undefined],
];

for (const [index, [address, config, words]] of cases.entries()) {
  test(`${index}: ${address} is ${words === undefined ? 'closed' : `open: ${words}`}`, () => {
    const sentence = exposure(parseListenAddress(address), config);
    if (words === undefined) assert.equal(sentence, undefined);
    else assert.match(sentence ?? '', words);
  });
}
