// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// A user of the host tries for a minute (HOSTILE_MINUTES; half an hour with WHOLE=1): figures stay exact, others are answered in time, no door opens.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { hostileTenant } from '../../test/agent/hostile-tenant.ts';
import { type Metrics, parseMetrics, startAgent } from '../../test/agent/serve-process.ts';
import { at, listAt, numberAt } from '../../test/host/checked-json.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { slowness } from '../../test/host/slowness.ts';
import { isWhole } from '../../test/whole.ts';
import { AGENT_LOCK } from '../kernel/agent-lock.ts';

const MINUTES = Number(process.env.HOSTILE_MINUTES ?? (isWhole ? 30 : 1));
const SOCKET = '/run/tapscope/agent.sock';
/** Prometheus's own usual limit. */
const SCRAPE_WITHIN_MS = 10_000;
const RING = 100;
const LOG = { lines: 110, perSecond: 1, bytes: 2100 };
/** The most memory that a thousand held connections take, MB. */
const GROWN_MB = 120;

/** Scrapes as Prometheus on another address of this host would. */
function scrape(port: number): Promise<Metrics> {
  const headers = { 'x-prometheus-scrape-timeout-seconds': '10' };
  const where = { host: '127.0.0.1', localAddress: '127.0.0.2', port, path: '/metrics', headers, agent: false };
  return new Promise((resolve, reject) =>
    get(where, (answer) =>
      text(answer).then(
        (page) => (answer.statusCode === 200 ? resolve(parseMetrics(page)) : reject(new Error(page))),
        reject,
      ),
    ).once('error', reject),
  );
}

test(`uid 65534 tries for ${MINUTES} min`, { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', RING);
  const agent = await startAgent(t, [`--socket=${SOCKET}`]);
  const port = Number(agent.url.split(':').at(-1));
  const before = { memory: agent.residentMemory(), descriptors: agent.descriptors() };
  let isOver = false;
  const ms = 60_000 * MINUTES;
  const aims = { port, ms, socket: SOCKET, lock: AGENT_LOCK, agents: agent.processes() };
  const trying = hostileTenant(t, aims).finally(() => {
    isOver = true;
  });
  const queue = { netns: String(lab.inode), device: 'tap0', queue: '0' };
  const times: number[] = [];
  const total = { sent: 0, read: 0 };
  let most = before.memory;
  while (!isOver) {
    total.sent += (await testReader.udp(peer, 9, 1 + ((37 * times.length) % 150), 64)).sent;
    total.read += (await testReader.read('a', 'all')).packets;
    const began = performance.now();
    const metrics = await scrape(port);
    times.push(performance.now() - began);
    assert.equal(metrics.value('tapscope_queue_offered_packets_total', queue), total.sent);
    assert.equal(metrics.value('tapscope_queue_delivered_packets_total', queue), total.read);
    assert.equal(
      metrics.value('tapscope_queue_dropped_packets_total', { ...queue, reason: 'FULL_RING' }) ?? 0,
      total.sent - total.read,
    );
    assert.doesNotMatch(metrics.text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    most = Math.max(most, agent.residentMemory());
    await wait(500);
  }
  const got = await trying;
  const grownMb = (most - before.memory) / 2 ** 20;
  const longest = Math.max(...times);
  const half = times.toSorted((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
  t.diagnostic(`the tenant: ${JSON.stringify(got)}`);
  t.diagnostic(
    `${times.length} scrapes, half of them within ${half.toFixed(0)} ms, the longest ${longest.toFixed(0)} ms; ${total.sent} packets, ${total.sent - total.read} lost; memory at most ${grownMb.toFixed(0)} MB more`,
  );
  assert.ok(longest < SCRAPE_WITHIN_MS * (await slowness()), `${longest} ms`);
  assert.deepEqual(listAt(got, 'letIn'), []);
  assert.ok(numberAt(got, 'devices') > 0, String(at(got, 'deviceError')));
  assert.deepEqual(agent.processes(), aims.agents);
  assert.equal(at(got, 'late'), 0);
  assert.equal(at(got, 'statuses', '500'), undefined);
  assert.ok(grownMb < GROWN_MB, `${grownMb} MB`);
  for (let tries = 0; tries < 100 && agent.descriptors() > before.descriptors + 10; tries += 1) await wait(200);
  assert.ok(agent.descriptors() <= before.descriptors + 10, `${agent.descriptors()} descriptors`);
  assert.match(readFileSync(`/proc/${agent.pid}/status`, 'utf8'), /^State:\s+[SR]/m);
  const { code, stderr } = await agent.stop();
  assert.equal(code, 0);
  const lines = stderr.split('\n');
  assert.ok(lines.length <= LOG.lines + 60 * MINUTES * LOG.perSecond, `${lines.length} lines`);
  assert.ok(lines.every((line) => line.length <= LOG.bytes && !/[\p{Cc}\p{Cf}]|\n\s+at /u.test(line)));
});
