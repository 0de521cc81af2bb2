// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, patience, prometheus, prometheus-alertmanager.
// A host without free CPU, end to end: the warning that its figures are late fires, and the page about a reader that stands still arrives all the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Agent, startAgent } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import { type Notification, startAlertmanager } from './alertmanager.ts';
import { alertsOf } from './firing.ts';
import type { Prometheus } from './prometheus.ts';
import { startWatch } from './shipped-watch.ts';

const DEVICE = 'vnet63';
const WAITS = { group: 1, interval: 1 };
const WITHIN_S = 240;
/** The process that counts gets a CPU for a part of each time: it judges, and half of the scrapes find it away for longer than they wait. */
const CPU_MS = { without: 2500, with: 1500 };

/** As the scheduler does to a process that many others compete with, but the same on each machine. What it returns ends it. */
function starve({ pid }: Agent): () => Promise<void> {
  const end = new AbortController();
  const { signal } = end;
  const turns = (async () => {
    while (!signal.aborted) {
      process.kill(pid, 'SIGSTOP');
      await wait(CPU_MS.without);
      process.kill(pid, 'SIGCONT');
      await wait(CPU_MS.with);
    }
  })();
  return () => {
    end.abort();
    return turns;
  };
}

test('what is critical on a host whose figures are late reaches the pager', {
  skip: noLab,
  timeout: 600_000,
}, async (t) => {
  const lab = await namespaceLab(t);
  const [sender, vm] = [
    await lab.testReader(),
    await lab.testReaderNamed('/usr/bin/qemu-system-x86_64', '-name', 'guest=web63'),
  ];
  await vm.open(DEVICE, DEVICE, 'tap');
  const peer = await lab.raise(DEVICE, 200);
  const agent = await startAgent(t, ['--budget=off', `--device-include=^${DEVICE}$`]);
  const alertmanager = await startAlertmanager(t, WAITS);
  const prometheus = await startWatch(t, agent, alertmanager, 'http://docs.invalid');
  const feed = starve(agent);
  try {
    const isHeard = (receiver: string, name: string) => (one: Notification) =>
      one.receiver === receiver && one.alerts.some(({ labels }) => labels.alertname === name);
    const late = isHeard('inbox', 'TapscopeScrapeStale');
    const critical = isHeard('pager', 'TapscopeFindingCritical');
    const deadline = performance.now() + WITHIN_S * 1000;
    while (!alertmanager.got.some(late) && performance.now() < deadline) await wait(200);
    assert.ok(alertmanager.got.some(late), 'the figures are late, and a warning says so');

    process.kill(vm.pid, 'SIGSTOP');
    lab.after(async () => void process.kill(vm.pid, 'SIGCONT'));
    const began = performance.now();
    while (!alertmanager.got.some(critical) && performance.now() < deadline) {
      await sender.udp(peer, 9, 50, 200);
      await wait(100);
    }
    const found = alertmanager.got.find(critical)?.alerts[0];
    assert.ok(found, JSON.stringify(await firing(prometheus)));
    t.diagnostic(`after ${Math.round((performance.now() - began) / 1000)} s: ${found.annotations.summary}`);
    assert.ok((await firing(prometheus)).includes('TapscopeScrapeStale warning'), 'the warning still fires');
    // A late host's page may have the counters of one sample until then: the notification says how much as soon as there are two.
    const summary = new RegExp(`^${DEVICE} \\(VM web63\\) queue 0( loses [\\d.]+k? packets/s)?: reader stalled, on `);
    assert.match(found.annotations.summary ?? '', summary);
    const ofNow = async () =>
      (await alertsOf(prometheus)).find(({ name }) => name === 'TapscopeFindingCritical')?.active[0]?.annotations
        .summary;
    await until(async () => {
      await sender.udp(peer, 9, 50, 200);
      return summary.exec((await ofNow()) ?? '')?.[1] !== undefined;
    }, WITHIN_S * 1000);
    assert.ok(found.annotations.description?.includes(`namespace ${lab.name}:`), found.annotations.description);
  } finally {
    await feed();
  }
});

async function firing(prometheus: Prometheus): Promise<readonly string[]> {
  const alerts = await prometheus.query('ALERTS{alertstate="firing"}');
  return alerts.map(({ labels }) => `${labels.alertname} ${labels.severity}`);
}
