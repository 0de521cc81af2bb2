// SPDX-License-Identifier: Apache-2.0
// Needs: openssl.
// Bad input of a fleet, as the commands are built: one sentence, and the right exit code.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { tapscope } from '../../test/agent/serve-process.ts';
import { serveLocally } from '../../test/host/local-server.ts';

test('fleet: an engine that answers HTML, none at all, and a bad address', async (t) => {
  const html = await serveLocally(t, (_, response) => response.end('<!doctype html><title>Grafana</title>'));
  for (const [url, sentence] of [
    [html, /^tapscope: http:\S+ answers, but not as the API of Prometheus does .*\n$/],
    ['http://127.0.0.1:1', /^tapscope: http:\S+ cannot be reached: .*\n$/],
    ['prometheus:9090', /^tapscope: --url=prometheus:9090 is not the address of a Prometheus API; .*\n$/],
  ] as const) {
    const { code, stdout, stderr } = await tapscope(['fleet', '--url', url]);
    assert.match(stderr, sentence);
    assert.deepEqual([code, stdout], [3, '']);
  }
});

/** An engine that has the recorded series of one tap on one host; `agents` report under its name. */
function fleetOf(agents: number): RequestListener {
  const own = { instance: 'host1:10747', job: 'tapscope' };
  return async (request, response) => {
    const query = new URLSearchParams(await text(request)).get('query') ?? '';
    const samples = (): readonly unknown[] => {
      if (query.startsWith('count(')) return [{ metric: {}, value: [1, '1'] }];
      if (query.startsWith('count by (instance)')) return [{ metric: own, value: [1, String(agents)] }];
      const tap = { ...own, netns: '1', device: 'vnet0' };
      return query === 'tap:tapscope_info:exact' ? [{ metric: tap, value: [1, '1'] }] : [];
    };
    response.end(JSON.stringify({ status: 'success', data: { result: samples() } }));
  };
}

test('fleet: two hosts under one name are never OK', async (t) => {
  const one = await tapscope(['fleet', '--url', await serveLocally(t, fleetOf(1))]);
  assert.deepEqual([one.code, one.stderr], [0, '']);
  const two = await tapscope(['fleet', '--url', await serveLocally(t, fleetOf(2))]);
  assert.deepEqual([two.code, two.stderr], [3, '']);
  assert.match(
    two.stdout.replaceAll(/\s+/g, ' '),
    /several agents report under one name, so that their taps are mixed up: host1:10747/,
  );
});

test('serve: a bad line in a tenant map of 100 000, a map that is not there, a bad collector', async (t) => {
  const map = join(temporaryFolder(t), 'tenants');
  const lines = Array.from({ length: 100_000 }, (_, number) => `vm vm${number} tenant${number % 100}`);
  writeFileSync(map, [...lines, 'vm web1'].join('\n'));
  for (const [flag, sentence] of [
    [`--tenant-map=${map}`, /^tapscope: --tenant-map=\S+, line 100001: expected one of vm, uuid, .*\n$/],
    ['--tenant-map=/no/map', /^tapscope: --tenant-map=\/no\/map cannot be read \(ENOENT: .*\)\.\n$/],
    ['--otlp=collector', /^tapscope: --otlp=collector is not the address of a collector; .*\n$/],
  ] as const) {
    const { code, stdout, stderr } = await tapscope(['serve', flag]);
    assert.match(stderr, sentence);
    assert.deepEqual([code, stdout], [1, '']);
  }
});
