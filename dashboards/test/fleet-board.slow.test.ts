// SPDX-License-Identifier: Apache-2.0
// Needs: chromium, pngquant, prometheus.
// Every panel of the dashboard Fleet is asked of a real Prometheus. It records, by the rules of deploy/fleet, 40 hosts, of which those with
// one kernel lose packets.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fleetDashboard } from '../boards/fleet-dashboard.ts';
import { panelsOf } from '../promql/panel-queries.ts';
import { answered } from './answered.ts';
import { answersOf } from './answers.ts';
import { boardPictures } from './board-picture.ts';
import { healthOf } from './firing.ts';
import { type MadeUpHost, startMadeUpFleet } from './made-up-fleet.ts';
import { type Prometheus, startPrometheus } from './prometheus.ts';

const RULES = 'deploy/fleet/tapscope-fleet.yml';
const BAD = '6.12.57+deb13-amd64';
const GOOD = '7.3.4+deb14-amd64';
const TENANTS = ['red', 'green', 'blue', 'white'];
const BAD_HOSTS = 11;
const TAPS_OF_HOST = 2;
const WHOLE_WITHIN_MS = 60_000;
/** The host whose kernel is changed for the good one. */
const UPGRADED = 0;

const hosts = Array.from({ length: 40 }, (_, index): MadeUpHost => {
  const loses = index < BAD_HOSTS;
  const tenant = TENANTS[index % TENANTS.length] ?? '';
  return { kernel: loses ? BAD : GOOD, tenant, loses, ...(index === UPGRADED ? { nextKernel: GOOD } : {}) };
});

/** A moment, in seconds, at which the rules had a figure of each tap: on a busy machine a scrape of a second ends late, and the tap is absent. */
async function wholeMoment(prometheus: Prometheus, taps: number): Promise<number> {
  const deadline = performance.now() + WHOLE_WITHIN_MS;
  for (;;) {
    const moment = Date.now() / 1000;
    const [counted] = await prometheus.query('sum(factor:tapscope_taps:count{factor="tenant"})', moment);
    const found = counted?.points[0]?.[1];
    if (found === taps) return moment;
    assert.ok(performance.now() < deadline, `${found} of ${taps} taps are recorded`);
    await wait(200);
  }
}

test('a fleet of which the hosts with one kernel lose packets', { timeout: 900_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-fleet-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const fast = join(folder, 'fleet.yml');
  writeFileSync(fast, readFileSync(RULES, 'utf8').replaceAll('interval: 60s', 'interval: 1s'));
  const from = Date.now() / 1000;
  const fleet = await startMadeUpFleet(t, hosts);
  const targets = fleet.instances.map((address, index) => ({ address, instance: `kvm${index + 1}:10747` }));
  const instances = targets.map(({ instance }) => instance);
  const prometheus = await startPrometheus(t, targets, [fast]);
  await wait(1000 * (fleet.seconds + 2));
  const span = { from, to: await wholeMoment(prometheus, hosts.length * TAPS_OF_HOST) };
  const dashboard = fleetDashboard();
  const panels = panelsOf(dashboard);
  const rows = async (title: string): Promise<readonly Readonly<Record<string, string>>[]> => {
    const panel = panels.find((one) => one.title === title) ?? assert.fail(title);
    const [answer] = await answersOf(prometheus, panel, {}, span);
    const series = [...(answer?.series ?? [])].sort((a, b) => (b.points[0]?.[1] ?? 0) - (a.points[0]?.[1] ?? 0));
    return series.map(({ labels, points }) => ({ ...labels, shown: String(points[0]?.[1]) }));
  };

  await t.test('every rule can be evaluated', async () => assert.deepEqual(await healthOf(prometheus), []));
  for (const panel of panels)
    await t.test(`panel '${panel.title}'`, () =>
      answered(prometheus, panel, { of: 'the fleet', choices: {}, span, said: '', panels: () => true }),
    );
  const shown = { name: 'fleet', dashboard, choices: {}, span };
  await t.test("Grafana's components draw each panel", (part) => boardPictures(part, prometheus, [shown]));

  await t.test('the kernel is the one common factor', async () => {
    const found = (await rows('Common factors')).map(({ factor, value }) => [factor, value]);
    assert.deepEqual(found, [['kernel', BAD]]);
  });
  await t.test('the losing hosts are the worst, and no other is among them', async () => {
    const worst = (await rows('Worst hosts by packets lost to guests')).map(({ instance }) => instance);
    assert.deepEqual([...worst].sort(), instances.slice(0, BAD_HOSTS).sort());
  });
  await t.test('the host that was upgraded has a row for each kernel', async () => {
    const found = (await rows('Hosts that changed their kernel')).map(({ instance, kernel }) => [instance, kernel]);
    assert.deepEqual(
      found.sort(),
      [BAD, GOOD].map((kernel) => [instances[UPGRADED], kernel]),
    );
  });
  await t.test('what tenants lost is what the hosts lost', async () => {
    const sum = (list: readonly Readonly<Record<string, string>>[]): number =>
      list.reduce((total, { shown }) => total + Number(shown), 0);
    const tenants = await rows('Tenants by packets lost to guests');
    assert.deepEqual(tenants.map(({ value }) => value).sort(), [...TENANTS].sort());
    const ofHosts = sum(await rows('Worst hosts by packets lost to guests'));
    assert.ok(ofHosts > 0 && Math.abs(sum(tenants) / ofHosts - 1) < 0.05, `${sum(tenants)} ${ofHosts}`);
  });
});
