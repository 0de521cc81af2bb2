// SPDX-License-Identifier: Apache-2.0
// Needs: WHOLE=1, root on this machine's kernel.
// A real OpenTelemetry collector receives what a page of the same snapshot says, sample for sample, and findings as logs.
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { metricsRequests } from '../../src/outputs/otlp/otlp-metrics.ts';
import { SeriesStarts } from '../../src/outputs/otlp/series-starts.ts';
import { createSlices } from '../../src/outputs/prometheus/slices.ts';
import { otlpEndpoint } from '../../src/server/otlp/otlp-endpoint.ts';
import { createPost } from '../../src/server/otlp/otlp-post.ts';
import { standingLab } from '../../test/agent/agent-lab.ts';
import { attributesOf, type Samples, samplesOfPage, samplesOfRequests } from '../../test/agent/otlp-samples.ts';
import { startAgent } from '../../test/agent/serve-process.ts';
import { at, textAt } from '../../test/host/checked-json.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import { cataloguePage } from '../../test/snapshots/golden-snapshot.ts';
import { provideCollector, startCollector } from './otel-collector.ts';

const skip = noLab || (await provideCollector());
const WITHIN_MS = 60_000;

test('the collector has what a page of the same snapshot says, sample for sample', { skip }, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 100);
  await testReader.udp(peer, 9, 150, 64);
  await testReader.read('a', 30);
  const { devices, agent: seen, takenAt } = await agent.snapshot();
  const collector = await startCollector(t);
  const { post, close } = createPost(otlpEndpoint({ url: collector.url, headers: [], caFile: undefined }), '0.1.0');
  t.after(async () => close());

  const catalogue = cataloguePage('cpu');
  const shown = { snapshotAgeSeconds: 0, snapshotErrors: 0, exposed: false, findings: [] };
  const rows = await catalogue.rows({ devices, agent: seen, ...shown });
  const page = samplesOfPage(await text(catalogue.page(Promise.resolve(rows), 'text')));
  const sender = { version: '0.1.0', hostName: 'host1', hostId: '', instanceId: '' };
  const moment = { sender, starts: new SeriesStarts(takenAt - 10), takenAt };
  let sent = 0;
  for await (const body of metricsRequests(rows, moment, createSlices())) {
    assert.deepEqual(await post('/v1/metrics', body), { outcome: 'accepted', reason: '' });
    sent += 1;
  }
  const received = samplesOfRequests(collector.metrics);
  assert.ok(page.size > 100);
  t.diagnostic(`${page.size} samples in ${sent} requests`);
  assert.deepEqual(sorted(received), sorted(page));
});

test('tapscope serve --otlp: equal figures at rest, a finding as a log record, and a collector that is killed', {
  skip,
}, async (t) => {
  const lab = await namespaceLab(t);
  const collector = await startCollector(t);
  const agent = await startAgent(t, ['--budget=off', `--otlp=${collector.url}`, '--otlp-interval=1s']);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 100);
  const count = async (signal: string, outcome: string): Promise<number> =>
    (await agent.metrics()).value('tapscope_otlp_exports_total', { signal, outcome }) ?? -1;

  const begins = async (): Promise<boolean> => {
    await testReader.udp(peer, 9, 150, 64);
    return collector.records.some((record) => attributesOf(record).device === 'tap0');
  };
  await until(begins, WITHIN_MS);
  const [record] = collector.records.filter((one) => attributesOf(one).device === 'tap0');
  const { state, netns, rule } = attributesOf(record);
  assert.deepEqual([state, netns], ['begins', String(lab.inode)]);
  assert.match(textAt(record, 'body', 'stringValue'), /tap0/);
  assert.equal((await agent.metrics()).value('tapscope_finding', { device: 'tap0', rule: rule ?? '' }), 1);
  assert.ok(Number(at(record, 'severityNumber')) >= 9);

  await collector.kill();
  await until(async () => (await count('metrics', 'unreachable')) > 0, WITHIN_MS);
  await testReader.udp(peer, 9, 150, 64);
  await testReader.read('a', 30);
  await collector.start();
  const accepted = await count('metrics', 'accepted');
  // One that began before the packets were sent may still be under way.
  await until(async () => (await count('metrics', 'accepted')) >= accepted + 4, WITHIN_MS);
  const ofTap = `device="tap0",netns="${lab.inode}"`;
  const settled = ([series]: readonly [string, number]): boolean =>
    series.includes(ofTap) && /_(packets|bytes)(_total)?\{/.test(series);
  const page = new Map([...samplesOfPage((await agent.metrics()).text)].filter(settled));
  assert.ok(page.size > 10);
  const received = [...samplesOfRequests(collector.metrics)].filter(settled);
  assert.deepEqual(sorted(new Map(received)), sorted(page));
  const offered = [...page].find(([series]) => series.startsWith('tapscope_queue_offered_packets_total{'));
  await testReader.udp(peer, 9, 7, 64);
  const { code, stderr } = await agent.stop();
  assert.equal(code, 0);
  assert.ok(offered);
  assert.equal(samplesOfRequests(collector.metrics).get(offered[0]), offered[1] + 7, 'sent when the agent ended');
  assert.match(
    stderr,
    /^tapscope: The collector at \S+ cannot be reached \([^\n]*ECONNREFUSED[^\n]*\)\.\ntapscope: The collector at \S+ takes all data again\.\n$/,
  );
});

function sorted(samples: Samples): readonly (readonly [string, number])[] {
  return [...samples].sort(([a], [b]) => (a < b ? -1 : 1));
}
