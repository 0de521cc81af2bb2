// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// Devices that come and go while the agent is scraped: no count is stale or of another device, nothing grows.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Agent, startAgent } from '../../test/agent/serve-process.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';

const DEVICES = 1000;
const NAMES = 8;

test(`${DEVICES} taps created and deleted while they are scraped`, { skip: noLab }, async (t) => {
  const labs = await Promise.all([0, 1, 2, 3].map(() => namespaceLab(t)));
  const agent = await startAgent(t, ['--budget=off', `--web.config.file=${withoutRateLimit(t)}`]);
  const level = { descriptors: 0, memory: 0 };
  let done = 0;
  const scraping = scrapeUntil(agent, () => done === labs.length);
  await Promise.all(
    labs.map(async (lab, which) => {
      await churn(agent, lab, DEVICES / labs.length, async (made) => {
        if (which !== 0 || made !== Math.floor(DEVICES / labs.length / 4)) return;
        level.descriptors = agent.descriptors();
        level.memory = agent.residentMemory();
      });
      done++;
    }),
  );
  const scrapes = await scraping;
  const grown = (agent.residentMemory() - level.memory) / 2 ** 20;
  t.diagnostic(`${scrapes} scrapes; memory grew by ${grown.toFixed(1)} MB after the first quarter`);
  assert.ok(agent.descriptors() <= level.descriptors + 4);
  assert.ok(grown < 15);

  let metrics = await agent.metrics();
  await until(async () => {
    metrics = await agent.metrics();
    return metrics.value('tapscope_rows_used') === 0;
  }, 10_000);
  assert.equal(metrics.value('tapscope_rows_used'), 0, 'every row went back to the pool');
  assert.equal(metrics.value('tapscope_events_lost_total', { cause: 'no_row' }), 0);
  for (const { inode } of labs) assert.doesNotMatch(metrics.text, new RegExp(`netns="${inode}",device="tap`));
});

/** Five clients scrape here as fast as they can. */
function withoutRateLimit(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-churn-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'web.yml');
  writeFileSync(file, 'rate_limit: { interval: 0s, burst: 1 }\n');
  return file;
}

/** Names repeat within a namespace and between namespaces; each device gets its own number of packets. */
async function churn(
  agent: Agent,
  lab: NamespaceLab,
  devices: number,
  made: (count: number) => Promise<void>,
): Promise<void> {
  const testReader = await lab.testReader();
  for (let i = 0; i < devices; i++) {
    const device = `tap${i % NAMES}`;
    await testReader.open('a', device, 'tap');
    const peer = await lab.raise(device, 10);
    const sent = 1 + (i % 23);
    await testReader.udp(peer, 9, sent, 64);
    const { packets: read } = await testReader.read('a', i % 10);
    const metrics = await agent.metrics();
    const labels = { netns: String(lab.inode), device };
    const queue = { ...labels, queue: '0' };
    assert.equal(metrics.value('tapscope_queue_offered_packets_total', queue), sent);
    assert.equal(
      metrics.value('tapscope_queue_dropped_packets_total', { ...queue, reason: 'FULL_RING' }),
      Math.max(0, sent - 10),
    );
    assert.equal(metrics.value('tapscope_queue_delivered_packets_total', queue), read);
    assert.equal(metrics.value('tapscope_device_degraded', labels), 0);
    await testReader.close('a');
    await made(i);
  }
}

async function scrapeUntil(agent: Agent, ended: () => boolean): Promise<number> {
  let scrapes = 0;
  for (; !ended(); scrapes++) {
    await agent.metrics();
    await wait(20);
  }
  return scrapes;
}
