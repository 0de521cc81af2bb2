// SPDX-License-Identifier: Apache-2.0
// Needs: prometheus, prometheus-alertmanager.
// The shipped routing in a real Alertmanager, with a receiver that counts: two faults, as the shipped rules tell of them, are two notifications.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { until } from '../../test/host/until.ts';
import { CONFIG, type Notification, startAlertmanager } from './alertmanager.ts';

const WAITS = { group: 2, interval: 2 };

type Labels = Readonly<Record<string, string>>;

async function send(address: string, alerts: readonly Labels[]): Promise<void> {
  const body = JSON.stringify(
    alerts.map((labels) => ({ labels: { job: 'tapscope', instance: 'host:10747', ...labels } })),
  );
  const answer = await fetch(`http://${address}/api/v2/alerts`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  assert.equal(answer.status, 200, await answer.text());
}

function named(notifications: readonly Notification[]): readonly object[] {
  return notifications.map(({ receiver, alerts }) => ({
    receiver,
    alerts: alerts.map(({ labels }) => labels.alertname),
  }));
}

/** All alerts that one stalled reader fires sooner or later. */
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
  const { address, got } = await startAlertmanager(t, WAITS);
  await send(address, stalled('vnet0').slice(0, 1));
  await send(address, stalled('vnet7').slice(0, 1));
  await until(() => got.length === 2);
  // The symptoms come minutes later, when their own waits are over.
  await send(address, [...stalled('vnet0'), ...stalled('vnet7')]);
  await wait(NOTHING_MORE_MS);
  assert.deepEqual(named(got), [
    { receiver: 'pager', alerts: ['TapscopeFindingCritical'] },
    { receiver: 'pager', alerts: ['TapscopeFindingCritical'] },
  ]);
});

test('a warning goes to the inbox, once; its symptoms add nothing', async (t) => {
  const { address, got } = await startAlertmanager(t, WAITS);
  const device = { netns: '1', device: 'tap3' };
  await send(address, [
    { alertname: 'TapscopeFindingWarning', severity: 'warning', rule: 'no-reader', ...device },
    { alertname: 'TapscopeNoReader', severity: 'warning', ...device },
    { alertname: 'TapscopeLossBeforeTun', severity: 'warning', ...device },
  ]);
  await until(() => got.length > 0);
  await wait(NOTHING_MORE_MS);
  assert.deepEqual(named(got), [{ receiver: 'inbox', alerts: ['TapscopeFindingWarning'] }]);
});

test('a symptom without a known cause is reported, and a host that does not answer pages, and that alone', async (t) => {
  const { address, got } = await startAlertmanager(t, WAITS);
  const queue = { netns: '1', device: 'vnet0', queue: '0' };
  await send(address, [{ alertname: 'TapscopeRingFullLoss', severity: 'critical', ...queue }]);
  await until(() => got.length > 0);
  assert.deepEqual(named(got.splice(0)), [{ receiver: 'pager', alerts: ['TapscopeRingFullLoss'] }]);
  await send(address, [
    { alertname: 'TapscopeScrapeStale', severity: 'critical', instance: 'other:10747' },
    { alertname: 'TapscopeScrapeStale', severity: 'warning', instance: 'other:10747' },
    { alertname: 'TapscopeRingStalled', severity: 'critical', instance: 'other:10747', ...queue },
    { alertname: 'TapscopeRingDelay', severity: 'warning', instance: 'other:10747', ...queue },
  ]);
  await until(() => got.length > 0);
  await wait(NOTHING_MORE_MS);
  assert.deepEqual(named(got), [{ receiver: 'pager', alerts: ['TapscopeScrapeStale'] }]);
});

test('a host that answers late silences nothing: what is critical there pages', async (t) => {
  const { address, got } = await startAlertmanager(t, WAITS);
  await send(address, [{ alertname: 'TapscopeScrapeStale', severity: 'warning' }]);
  await until(() => got.length === 1);
  await send(address, [
    ...stalled('vnet0').slice(0, 1),
    { alertname: 'TapscopeRingDelay', severity: 'warning', device: 'tap3' },
  ]);
  await until(() => got.length === 3);
  await wait(NOTHING_MORE_MS);
  assert.deepEqual(
    new Set(got.map(({ receiver, alerts }) => `${receiver}: ${alerts.map(({ labels }) => labels.alertname)}`)),
    new Set(['inbox: TapscopeScrapeStale', 'pager: TapscopeFindingCritical', 'inbox: TapscopeRingDelay']),
  );
});
