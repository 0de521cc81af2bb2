// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// A host at its worst, scraped by a crowd of which one reads a byte a second: each request is answered or refused in its time,
// and what a page says of a tap that stays is right.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Agent, type Metrics, parseMetrics, startAgent } from '../../test/agent/serve-process.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { slowness } from '../../test/host/slowness.ts';
import { until } from '../../test/host/until.ts';

const DEVICES = 10_000;
const TOGETHER = 100;
const NAMESPACES = 64;
const SCRAPERS = 20;
/** The default scrape timeout of Prometheus. */
const SCRAPE_SECONDS = 10;
/** Too many at once, or too often. */
const REFUSALS = [429, 503];
/** All devices are made and deleted within so long. */
const CHURN_SECONDS = 60;
/** For what the kernel holds of an answer, once it is read as fast as it comes. */
const DRAIN_MS = 1000;
/** A group of devices, as `ip link set group` knows it. */
const GONE = 77;
const BURST = 30;
const RING = 10;
const READ = 4;

interface Answer {
  readonly status: number;
  readonly ms: number;
  readonly text: string;
}

test(`${DEVICES} taps are made and deleted within ${CHURN_SECONDS} s`, { skip: noLab }, async (t) => {
  const { agent, lab, crowd } = await crowded(t);
  const began = performance.now();
  for (let made = 0; made < DEVICES; made += TOGETHER) {
    const names = Array.from({ length: TOGETHER }, (_, index) => `gone${(made + index) % 1000}`);
    await lab.ipBatch([
      ...names.flatMap((name) => [`tuntap add dev ${name} mode tap`, `link set dev ${name} up group ${GONE}`]),
      // Deleted together: each alone would wait until no CPU looks at it any more.
      `link del group ${GONE}`,
    ]);
  }
  const tookMs = performance.now() - began;
  t.diagnostic(`${DEVICES} in ${(tookMs / 1000).toFixed(1)} s, ${((1000 * DEVICES) / tookMs).toFixed(0)} a second`);
  await crowd.leave();
  const most = 1000 * CHURN_SECONDS * (await slowness());
  assert.ok(tookMs <= most, `${tookMs} of ${most} ms`);
  const page = await settled(agent);
  assert.doesNotMatch(page.text, /device="gone/);
  assert.equal(page.value('tapscope_events_lost_total', { cause: 'no_row' }), 0);
});

test(`${NAMESPACES} namespaces vanish at once, with their taps`, { skip: noLab }, async (t) => {
  const { agent, crowd } = await crowded(t);
  const undo: (() => Promise<void>)[] = [];
  t.after(() => Promise.all(undo.map((step) => step())));
  const labs: NamespaceLab[] = [];
  for (let made = 0; made < NAMESPACES; made++) labs.push(await namespaceLab({ after: (step) => undo.push(step) }));
  for (const lab of labs) await watchedTap(lab, 'gone');
  let before = await agent.metrics();
  await until(async () => {
    before = await agent.metrics();
    return labs.every(({ inode }) => figures(before, inode, 'gone').offered === BURST);
  });
  for (const { inode } of labs) assert.deepEqual(figures(before, inode, 'gone'), TRUTH);
  await Promise.all(undo.splice(0).map((step) => step()));
  await crowd.leave();
  const page = await settled(agent);
  assert.doesNotMatch(page.text, /device="gone"/);
  assert.equal(page.value('tapscope_events_lost_total', { cause: 'no_row' }), 0);
});

const TRUTH = { offered: BURST, dropped: BURST - RING, degraded: 0 };

function figures(page: Metrics, inode: number, device: string) {
  const labels = { netns: String(inode), device };
  return {
    offered: page.value('tapscope_queue_offered_packets_total', { ...labels, queue: '0' }),
    dropped: page.value('tapscope_queue_dropped_packets_total', { ...labels, queue: '0', reason: 'FULL_RING' }),
    degraded: page.value('tapscope_device_degraded', labels),
  };
}

async function watchedTap(lab: NamespaceLab, device: string): Promise<void> {
  const testReader = await lab.testReader();
  await testReader.open('a', device, 'tap');
  const peer = await lab.raise(device, RING);
  await testReader.udp(peer, 9, BURST, 64);
  await testReader.read('a', READ);
}

/** An agent with a crowd before it, and a tap that stays. */
async function crowded(t: TestContext) {
  const lab = await namespaceLab(t);
  const agent = await startAgent(t, ['--budget=off', `--web.config.file=${withoutRateLimit(t)}`]);
  await agent.metrics();
  await watchedTap(lab, 'stays');
  await until(async () => figures(await agent.metrics(), lab.inode, 'stays').offered === BURST);
  return { agent, lab, crowd: crowdBefore(t, agent, lab) };
}

function crowdBefore(t: TestContext, agent: Agent, { inode }: NamespaceLab): { leave(): Promise<void> } {
  const answers: Answer[] = [];
  let over = false;
  const slow = slowReader(t, agent);
  const dawdle = async (): Promise<void> => {
    for (; !over; slow.readByte()) await wait(1000);
  };
  const scrape = async (): Promise<void> => {
    while (!over) answers.push(await ask(agent));
  };
  const all = Promise.all([dawdle(), ...Array.from({ length: SCRAPERS }, scrape)]);
  return {
    leave: async () => {
      over = true;
      await all;
      const most = SCRAPE_SECONDS * 1000 * (await slowness());
      const pages = answers.filter(({ status }) => status === 200);
      const slowest = Math.max(...answers.map(({ ms }) => ms));
      t.diagnostic(`${pages.length} of ${answers.length} answered, the slowest in ${slowest.toFixed(0)} ms`);
      assert.ok(pages.length > 0);
      for (const { status } of answers) assert.ok(status === 200 || REFUSALS.includes(status), `status ${status}`);
      assert.ok(slowest <= most, `${slowest} ms`);
      await slow.assertEnded(most);
      for (const { text } of pages) {
        const shown = figures(parseMetrics(text), inode, 'stays');
        if (shown.degraded === 0) assert.deepEqual(shown, TRUTH);
      }
    },
  };
}

/** Reads a byte when it is told to. */
function slowReader(t: TestContext, { url }: Agent) {
  const began = performance.now();
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
  t.after(() => socket.destroy());
  const closed = new Promise<true>((resolve) => socket.once('close', () => resolve(true)));
  const chunks: Buffer[] = [];
  socket.pause();
  socket.write(
    `GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Prometheus-Scrape-Timeout-Seconds: ${SCRAPE_SECONDS}\r\nConnection: close\r\n\r\n`,
  );
  return {
    readByte: (): void => {
      const byte: Buffer | null = socket.read(1);
      if (byte) chunks.push(byte);
    },
    /** The agent ends the connection when the time of the scrape is over, however little of the answer was read. */
    assertEnded: async (mostMs: number): Promise<void> => {
      const left = Math.max(0, mostMs - (performance.now() - began)) + DRAIN_MS * (await slowness());
      socket.on('data', (chunk: Buffer) => chunks.push(chunk)).resume();
      assert.ok(await Promise.race([closed, wait(left, false)]), 'the agent holds the connection of a slow reader');
      const [, status] = /^HTTP\/1\.1 (\d+) /.exec(Buffer.concat(chunks).toString('latin1')) ?? [];
      assert.ok(status === '200' || REFUSALS.includes(Number(status)), `status ${status}`);
    },
  };
}

function ask({ url }: Agent): Promise<Answer> {
  const began = performance.now();
  const headers = { 'x-prometheus-scrape-timeout-seconds': String(SCRAPE_SECONDS) };
  return new Promise((resolve, reject) => {
    get(`${url}/metrics`, { headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('error', reject);
      answer.once('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          ms: performance.now() - began,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    }).once('error', reject);
  });
}

/** The page, when devices that are gone have left it. */
async function settled(agent: Agent): Promise<Metrics> {
  let page = await agent.metrics();
  await until(async () => {
    page = await agent.metrics();
    return !page.text.includes('device="gone');
  });
  return page;
}

/** The crowd comes as fast as it can. */
function withoutRateLimit(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-vanishing-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'web.yml');
  writeFileSync(file, 'rate_limit: { interval: 0s, burst: 1 }\n');
  return file;
}
