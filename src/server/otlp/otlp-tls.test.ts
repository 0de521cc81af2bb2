// SPDX-License-Identifier: Apache-2.0
// Needs: openssl.
// A collector behind TLS: a real handshake with certificates that openssl made.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { type TestContext, test } from 'node:test';
import { type KeyPair, makeAuthority, temporaryFolder } from '../../../test/agent/certificates.ts';
import { otlpEndpoint } from './otlp-endpoint.ts';
import { createPost } from './otlp-post.ts';

/** Starts a server; returns its port on 127.0.0.1. */
async function serve(t: TestContext, { cert, key }: KeyPair): Promise<number> {
  const server = createServer({ cert, key }, (request, response) => request.resume().on('end', () => response.end()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

test('the authority of --otlp-ca is trusted, another is not, and the name in the certificate counts', async (t) => {
  const folder = temporaryFolder(t);
  const ours = makeAuthority(folder, 'ours');
  const other = makeAuthority(folder, 'other');
  const collector = await serve(t, ours.issue('collector', 'IP:127.0.0.1'));
  const elsewhere = await serve(t, ours.issue('elsewhere', 'DNS:collector.example'));
  const send = async (
    port: number,
    caFile: string | undefined,
  ): Promise<readonly [outcome: string, reason: string]> => {
    const { post, close } = createPost(
      otlpEndpoint({ url: `https://127.0.0.1:${port}`, headers: [], caFile }),
      '0.1.0',
    );
    t.after(close);
    const { outcome, reason } = await post('/v1/metrics', '{}');
    return [outcome, reason];
  };
  assert.deepEqual(await send(collector, ours.certFile), ['accepted', '']);
  for (const caFile of [undefined, other.certFile]) {
    const [outcome, reason] = await send(collector, caFile);
    assert.equal(outcome, 'unreachable');
    assert.match(reason, /^cannot be reached \(.+; --otlp-ca FILE names the authority to trust\)$/);
  }
  const [outcome, reason] = await send(elsewhere, ours.certFile);
  assert.equal(outcome, 'unreachable');
  assert.match(reason, /IP: 127\.0\.0\.1 is not in the cert's list/);
  assert.doesNotMatch(reason, /--otlp-ca/);
});

test('a file without a certificate is refused at the start', (t) => {
  const { keyFile } = makeAuthority(temporaryFolder(t), 'ours');
  assert.throws(() => otlpEndpoint({ url: 'https://collector:4318', headers: [], caFile: keyFile }), {
    message: `--otlp-ca: ${keyFile} holds no certificate in PEM.`,
  });
});
