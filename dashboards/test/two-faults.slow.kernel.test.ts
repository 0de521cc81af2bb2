// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, patience, chromium, prometheus, prometheus-alertmanager.
// Two faults at once, end to end: a real agent, a Prometheus with the shipped rules, an Alertmanager with the shipped routing. They make two
// notifications, and each of their links opens.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { normalize } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Agent, startAgent } from '../../test/agent/serve-process.ts';
import { listAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { launchBrowser, openPage } from '../../test/page/browser.ts';
import { startAlertmanager } from './alertmanager.ts';
import type { Prometheus } from './prometheus.ts';
import { startWatch } from './shipped-watch.ts';

/** The reader of the first device never reads; a signal stops the reader of the second. */
const [IDLE, STOPPED] = ['vnet61', 'vnet62'];
const WAITS = { group: 10, interval: 5 };
/** Two intervals and more: by then what is not silenced would have come. */
const NOTHING_MORE_S = 15;
const WITHIN_S = 240;
/** Alerts that the two faults make fire later, beside their findings. */
const SYMPTOMS = [IDLE, STOPPED].flatMap((device) =>
  ['TapscopeRingStalled', 'TapscopeRingFullLoss'].map((alertname) => ({ alertname, severity: 'critical', device })),
);

test('two faults, two notifications whose links open', { skip: noLab, timeout: 600_000 }, async (t) => {
  const { agent, round } = await twoFaults(t);
  const docs = await startDocs(t);
  const alertmanager = await startAlertmanager(t, WAITS);
  const prometheus = await startWatch(t, agent, alertmanager, docs);
  const { got } = alertmanager;
  const deadline = performance.now() + WITHIN_S * 1000;
  while (!(got.length >= 2 && (await allFire(prometheus))) && performance.now() < deadline) await round();
  const end = performance.now() + NOTHING_MORE_S * 1000;
  while (performance.now() < end) await round();

  assert.ok(await allFire(prometheus), 'the symptoms fire too, and say nothing more');
  assert.deepEqual(
    got.map(({ receiver, alerts }) => [receiver, ...alerts.map(({ labels }) => labels.alertname)]),
    [
      ['pager', 'TapscopeFindingCritical'],
      ['pager', 'TapscopeFindingCritical'],
    ],
    JSON.stringify(got),
  );
  const alerts = got.flatMap((notification) => notification.alerts);
  assert.deepEqual(alerts.map(({ labels }) => labels.device).sort(), [IDLE, STOPPED]);
  for (const { labels } of alerts)
    assert.deepEqual(
      Object.keys(labels).filter((label) => label.startsWith('tapscope_')),
      [],
      'addresses are taken off the alerts',
    );

  const browser = await launchBrowser(t);
  for (const { labels, annotations } of alerts) {
    const { device = '', rule = '' } = labels;
    await t.test(`${device}: runbook and rule`, async () => {
      assert.match(await opened(annotations.runbook_url), /^# TapscopeFindingCritical$/m);
      assert.match(await opened(annotations.rule), new RegExp(`^## ${rule}$`, 'm'));
    });
    await t.test(`${device}: dashboard`, async () => assertShown(await opened(annotations.dashboard), annotations));
    await t.test(`${device}: live page`, async () => {
      const { page, complaints } = await openPage(browser, annotations.page ?? '');
      await page.locator('.subject h2', { hasText: device }).waitFor();
      assert.deepEqual(complaints, []);
      await page.close();
    });
  }
});

interface Faults {
  readonly agent: Agent;
  /** Some 100 ms of traffic. */
  round(): Promise<void>;
}

async function twoFaults(t: TestContext): Promise<Faults> {
  const lab = await namespaceLab(t);
  const [sender, idle, stopped] = [await lab.testReader(), await lab.testReader(), await lab.testReader()];
  await idle.open(IDLE, IDLE, 'tap');
  await stopped.open(STOPPED, STOPPED, 'tap');
  const peers = [await lab.raise(IDLE, 200), await lab.raise(STOPPED, 200)];
  const agent = await startAgent(t, ['--budget=off', '--device-include=^vnet6[12]$']);
  process.kill(stopped.pid, 'SIGSTOP');
  lab.after(async () => void process.kill(stopped.pid, 'SIGCONT'));
  const round = async (): Promise<void> => {
    for (const peer of peers) await sender.udp(peer, 9, 50, 200);
    await wait(100);
  };
  return { agent, round };
}

async function allFire(prometheus: Prometheus): Promise<boolean> {
  const firing = await prometheus.query('ALERTS{alertstate="firing"}');
  return SYMPTOMS.every((symptom) =>
    firing.some(({ labels }) => Object.entries(symptom).every(([label, value]) => labels[label] === value)),
  );
}

/**
 * Stands in for Grafana, which no package registry has. It serves docs/ where docker-compose.yml mounts it, and the
 * dashboards' JSON by their uid. Returns its address.
 */
async function startDocs(t: TestContext): Promise<string> {
  const boards = readdirSync('dashboards/json').map((file) => readFileSync(`dashboards/json/${file}`, 'utf8'));
  const server = createServer((request, reply) => {
    const { pathname } = new URL(request.url ?? '/', 'http://grafana.invalid');
    const [, file] = /^\/public\/tapscope\/(.*)$/.exec(pathname) ?? [];
    const path = file === undefined ? '' : normalize(`docs/${file}`);
    const board = boards.find((one) => `/d/${textAt(parseJson(one), 'uid')}` === pathname);
    const found = board ?? (path.startsWith('docs/') && existsSync(path) ? readFileSync(path, 'utf8') : undefined);
    reply.writeHead(found === undefined ? 404 : 200).end(found);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    server.close();
    server.closeAllConnections();
  });
  const address: string | AddressInfo | null = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return `http://127.0.0.1:${address.port}`;
}

async function opened(url: string | undefined): Promise<string> {
  const answer = await fetch(url ?? '');
  assert.equal(answer.status, 200, url);
  return answer.text();
}

/** The link sets variables of that dashboard, to the device of the alert. */
function assertShown(board: string, annotations: Readonly<Record<string, string>>): void {
  const chosen = [...new URL(annotations.dashboard ?? '').searchParams].filter(([name]) => name.startsWith('var-'));
  const known = listAt(parseJson(board), 'templating', 'list').map((variable) => `var-${textAt(variable, 'name')}`);
  assert.ok(chosen.length >= 3);
  for (const [name, value] of chosen) assert.ok(known.includes(name) && value !== '', `${name}=${value}`);
}
