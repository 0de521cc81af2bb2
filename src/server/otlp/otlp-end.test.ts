// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The last export when the agent ends: what was counted since the one before. A silent collector delays the end only briefly.
import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { parseJson } from '../../../test/host/checked-json.ts';
import { serveLocally } from '../../../test/host/local-server.ts';
import { until } from '../../../test/host/until.ts';
import { cataloguePage, goldenSeen } from '../../../test/snapshots/golden-snapshot.ts';
import { otlpEndpoint } from './otlp-endpoint.ts';
import { OtlpExporter } from './otlp-exporter.ts';

function start(url: string) {
  const said: string[] = [];
  const state = { asked: 0, said };
  const endpoint = otlpEndpoint({ url, headers: [], caFile: undefined });
  const sender = { version: '0.1.0', hostName: 'h', hostId: '', instanceId: 'i' };
  const exporter = new OtlpExporter({ endpoint, everyMs: 1000 }, sender, ({ message }) => state.said.push(message));
  const page = cataloguePage('device');
  exporter.start({
    rows: async () => {
      state.asked += 1;
      return { rows: await page.rows(goldenSeen), takenAt: state.asked };
    },
    observer: { listen: () => () => {} },
  });
  return { exporter, state };
}

test('what was counted after the last export is sent when the agent ends, in one export', async (t) => {
  const bodies: unknown[] = [];
  const take: RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    bodies.push(parseJson(String(gunzipSync(Buffer.concat(chunks)))));
    response.end();
  };
  const { exporter, state } = start(await serveLocally(t, take));
  await until(async () => bodies.length > 0, 10_000);
  const before = { asked: state.asked, requests: bodies.length };
  await exporter.close();
  assert.equal(state.asked, before.asked + 1);
  assert.ok(bodies.length > before.requests);
  assert.deepEqual(state.said, []);
});

test('a collector that never answers holds up the end for three seconds, and the log says it', async (t) => {
  let requests = 0;
  const url = await serveLocally(t, () => {
    requests += 1;
  });
  const { exporter, state } = start(url);
  await until(async () => requests > 0, 10_000);
  const began = performance.now();
  await exporter.close();
  assert.ok(performance.now() - began >= 3000);
  assert.deepEqual(state.said, [`The collector at ${url} did not get the last export: it gave no answer in 3 s.`]);
});

test('a collector that is away holds up nothing', async () => {
  const { exporter, state } = start('http://127.0.0.1:1');
  await exporter.close();
  assert.equal(
    state.said.at(-1),
    'The collector at http://127.0.0.1:1 did not get the last export: it cannot be reached (connect ECONNREFUSED 127.0.0.1:1).',
  );
});
