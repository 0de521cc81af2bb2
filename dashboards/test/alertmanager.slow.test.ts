// SPDX-License-Identifier: Apache-2.0
// The shipped routing in a real Alertmanager, with a receiver that counts: two faults, as the shipped rules tell of them, are two notifications.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { listAt, parseJson, textAt } from '../../lab/host/checked-json.ts';
import { freePort } from '../../lab/host/free-port.ts';
import { until } from '../../lab/host/until.ts';

const CONFIG = 'deploy/alertmanager/alertmanager.yml';

interface Notification {
  readonly receiver: string;
  readonly alerts: readonly string[];
}

/** An Alertmanager with the shipped configuration, but for its waiting times and where it sends to. */
async function startAlertmanager(t: TestContext): Promise<{ readonly url: string; readonly got: Notification[] }> {
  const got: Notification[] = [];
  const receiver = createServer(async (request, reply) => {
    const body = parseJson(JSON.stringify(await json(request)));
    const alerts = listAt(body, 'alerts').map((alert) => textAt(alert, 'labels', 'alertname'));
    got.push({ receiver: textAt(body, 'receiver'), alerts });
    reply.end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const address: string | AddressInfo | null = receiver.address();
  assert.ok(typeof address === 'object' && address !== null);
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-alertmanager-'));
  const config = readFileSync(CONFIG, 'utf8')
    .replaceAll('127.0.0.1:9095', `127.0.0.1:${address.port}`)
    .replace('group_wait: 30s', 'group_wait: 2s')
    .replace('group_interval: 5m', 'group_interval: 2s');
  writeFileSync(join(folder, 'alertmanager.yml'), config);
  const port = await freePort();
  const program = spawn(
    'prometheus-alertmanager',
    [
      `--config.file=${folder}/alertmanager.yml`,
      `--storage.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
    ],
    { stdio: 'ignore' },
  );
  const gone = new Promise((done) => program.once('close', done));
  t.after(async () => {
    program.kill('SIGKILL');
    await gone; // until then it writes into the folder
    receiver.close();
    receiver.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${port}`;
  while (!(await fetch(`${url}/-/ready`).catch(() => undefined))?.ok) await wait(200);
  return { url, got };
}

type Labels = Readonly<Record<string, string>>;

async function send(url: string, alerts: readonly Labels[]): Promise<void> {
  const body = JSON.stringify(
    alerts.map((labels) => ({ labels: { job: 'tapscope', instance: 'host:10747', ...labels } })),
  );
  const answer = await fetch(`${url}/api/v2/alerts`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  assert.equal(answer.status, 200, await answer.text());
}

/** What one stalled reader makes fire, sooner or later. */
function stalled(device: string): readonly Labels[] {
  const queue = { netns: '1', device, queue: '0' };
  return [
    { alertname: 'TapscopeFindingCritical', severity: 'critical', rule: 'reader-stalled', ...queue },
    { alertname: 'TapscopeRingStalled', severity: 'warning', ...queue },
    { alertname: 'TapscopeRingStalled', severity: 'critical', ...queue },
    { alertname: 'TapscopeRingFullLoss', severity: 'critical', ...queue },
    { alertname: 'TapscopeFindingWarning', severity: 'warning', rule: 'reader-stalled', ...queue },
    { alertname: 'TapscopeRingFullLoss', severity: 'warning', ...queue },
  ];
}

/** Two waits of a group and more: by then what is not silenced would have come. */
const NOTHING_MORE_MS = 6000;

test('amtool accepts the routing, and promtool the configuration of Prometheus as it lies in a clone', () => {
  execFileSync('amtool', ['check-config', CONFIG]);
  execFileSync('promtool', ['check', 'config', 'deploy/prometheus/prometheus.yml']);
});

test('two faults, twelve alerts, two notifications to the pager and none to the inbox', async (t) => {
  const { url, got } = await startAlertmanager(t);
  await send(url, stalled('vnet0').slice(0, 1));
  await send(url, stalled('vnet7').slice(0, 1));
  await until(() => got.length === 2);
  // The symptoms come minutes later, when their own waits are over.
  await send(url, [...stalled('vnet0'), ...stalled('vnet7')]);
  await wait(NOTHING_MORE_MS);
  assert.deepEqual(got, [
    { receiver: 'pager', alerts: ['TapscopeFindingCritical'] },
    { receiver: 'pager', alerts: ['TapscopeFindingCritical'] },
  ]);
});

test('a warning goes to the inbox, once; its symptoms add nothing', async (t) => {
  const { url, got } = await startAlertmanager(t);
  const device = { netns: '1', device: 'tap3' };
  await send(url, [
    { alertname: 'TapscopeFindingWarning', severity: 'warning', rule: 'no-reader', ...device },
    { alertname: 'TapscopeNoReader', severity: 'warning', ...device },
    { alertname: 'TapscopeLossBeforeTun', severity: 'warning', ...device },
  ]);
  await until(() => got.length > 0);
  await wait(NOTHING_MORE_MS);
  assert.deepEqual(got, [{ receiver: 'inbox', alerts: ['TapscopeFindingWarning'] }]);
});

test('a symptom without a known cause is told, and a host that is not scraped tells that alone', async (t) => {
  const { url, got } = await startAlertmanager(t);
  const queue = { netns: '1', device: 'vnet0', queue: '0' };
  await send(url, [{ alertname: 'TapscopeRingFullLoss', severity: 'critical', ...queue }]);
  await until(() => got.length > 0);
  assert.deepEqual(got.splice(0), [{ receiver: 'pager', alerts: ['TapscopeRingFullLoss'] }]);
  await send(url, [
    { alertname: 'TapscopeScrapeStale', severity: 'warning', instance: 'other:10747' },
    { alertname: 'TapscopeRingDelay', severity: 'warning', instance: 'other:10747', ...queue },
  ]);
  await until(() => got.length > 0);
  await wait(NOTHING_MORE_MS);
  assert.deepEqual(got, [{ receiver: 'inbox', alerts: ['TapscopeScrapeStale'] }]);
});
