// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, chromium, nftables, pngquant, prometheus.
// Every query of every panel, variable and rule, asked of a real Prometheus that scraped a real agent on a host with faults. And
// what an agent of Linux 7.3 once said on a host that stops queues.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../../test/host/free-port.ts';
import { noLab } from '../../test/host/netns.ts';
import { written } from '../dashboard-files.ts';
import { filledIn, marksOf, panelsOf, type ShownPanel, variablesOf } from '../promql/panel-queries.ts';
import { guests, type Scope } from '../promql/query.ts';
import { NEEDS_LINUX_7_3, needsLinux73 } from '../promql/requires-7.3.ts';
import { type Asked, answered } from './answered.ts';
import { optionsOf } from './answers.ts';
import { boardPictures } from './board-picture.ts';
import { alertsOf, healthOf } from './firing.ts';
import { type Prometheus, startPrometheus } from './prometheus.ts';
import { readRecording } from './recording.ts';
import { startReplay } from './replay.ts';
import { RULE_FILES } from './rule-files.ts';
import { HEALTHY, READER, SICK, sickHost } from './scenario.ts';
import { GUEST, STOPPING } from './stopping-host.ts';

const SECONDS = 15;
/** The instance labels of this test's host and of the recorded one. */
const [instance, recordedInstance] = ['kvm1:10747', 'kvm2:10747'];
/** The dashboard Fleet has a test of its own, with more hosts. */
const ofAgents = written.filter(({ name }) => name !== 'fleet');
/** Where packets are few, the agent measures its price once a minute. */
const PRICED_WITHIN_S = 120;
/** Alerts that no kernel causes on request, or that take a minute (src/commands/serve-pace). promtool tests them. */
const NOT_PROVOKED = ['TapscopeQueueStuck critical', 'TapscopeQueueStuck warning', 'TapscopeOverBudget warning'];

test('a host with faults', { skip: noLab, timeout: 900_000 }, async (t) => {
  const host = await sickHost(t, process.env.UPDATE ? 'tenants' : undefined);
  const dead = `127.0.0.1:${await freePort()}`;
  const recording = readRecording();
  const replay = await startReplay(t, recording);
  const targets = [
    { address: new URL(host.agent.url).host, instance },
    { address: replay.instance, instance: recordedInstance },
    dead,
  ];
  const prometheus = await startPrometheus(t, targets, RULE_FILES);
  const from = Date.now() / 1000 + 2;
  await host.run(SECONDS);
  const page = async (): Promise<string> => (await host.agent.metrics()).text;
  const priced = async (): Promise<boolean> => (await page()).includes('\ntapscope_overhead_ratio{');
  while (!(await priced()) && Date.now() / 1000 < from + PRICED_WITHIN_S) await host.run(2);
  await host.run(Math.max(3, replay.span.to + 1 - Date.now() / 1000));

  const newest = await page();
  const old = NEEDS_LINUX_7_3.every((name) => !newest.includes(`\n${name}{`));
  const live = {
    of: 'this host',
    span: { from, to: await scrapedAt(prometheus, instance) },
    said: newest,
    panels: (panel: ShownPanel): boolean => !(old && needsLinux73(panel)),
    hitsAreFew: true,
  };
  const recorded = { of: 'the recorded host', span: replay.span, said: recording, panels: (): boolean => true };
  const one = { instance, netns: String(host.lab.inode), owner: '.*', device: SICK.slow, queue: '0' };
  const all = { instance, netns: '.*', owner: '.*', device: '.*', queue: '.*' };
  // The names of the reader's processes depend on the test machine: their unit, or each one's device.
  const known = await prometheus.query(guests(hostScope(instance)).expr, live.span.to);
  const guest = known.find(({ labels }) => labels.device === SICK.slow)?.labels.guest ?? assert.fail('no guest');
  const ofGuest = { ...all, guest };
  const stopping = { ...all, instance: recordedInstance };
  const asked: Readonly<Record<string, readonly Asked[]>> = {
    host: [{ ...live, choices: all }],
    agent: [{ ...live, choices: { instance } }],
    // Two hosts of different kernels, side by side.
    backpressure: [{ ...recorded, choices: { ...stopping, instance: `${recordedInstance}|${instance}` } }],
    vm: [
      { ...live, choices: ofGuest },
      // The recorded guests, all but one, are known only by their device.
      {
        ...recorded,
        choices: { ...stopping, guest: STOPPING.flow },
        panels: (panel) => needsLinux73(panel) && !isOfVhost(panel),
      },
      {
        ...recorded,
        choices: { ...stopping, guest: STOPPING.bursts },
        panels: (panel) => !needsLinux73(panel) && !isOfVhost(panel),
      },
      { ...recorded, choices: { ...stopping, guest: GUEST }, panels: isOfVhost },
    ],
    queue: [
      { ...live, choices: one },
      { ...recorded, choices: { ...stopping, netns: netnsOf(recording), device: STOPPING.bursts } },
    ],
  };

  for (const { name, dashboard } of ofAgents) {
    for (const subject of asked[name] ?? assert.fail(name)) {
      for (const panel of panelsOf(dashboard).filter(subject.panels)) {
        await t.test(`${name}, panel '${panel.title}', ${subject.of}`, () => answered(prometheus, panel, subject));
      }
    }
    for (const variable of variablesOf(dashboard)) {
      await t.test(`${name}, variable ${variable.name}`, async () => {
        const options = await optionsOf(prometheus, variable, { queue: one, vm: ofGuest }[name] ?? all);
        const wanted = { ...one, owner: READER, guest }[variable.name];
        assert.ok(wanted !== undefined && options.some(({ value }) => value === wanted), JSON.stringify(options));
      });
    }
  }

  const shown = ofAgents.map(({ name, dashboard }) => {
    const { choices, span } = asked[name]?.at(-1) ?? assert.fail(name);
    return { name, dashboard, choices, span };
  });
  await t.test("Grafana's components draw each panel", (part) => boardPictures(part, prometheus, shown));

  await t.test('findings are marked on the time axis, and none of the healthy device', async () => {
    for (const { name, dashboard } of ofAgents) {
      const choices = { queue: { ...one, device: SICK.stalled }, vm: ofGuest }[name] ?? all;
      const series = await Promise.all(
        marksOf(dashboard).map(({ expr }) => prometheus.range(filledIn(expr, choices), live.span.from, live.span.to)),
      );
      const devices = series.flat().map(({ labels }) => labels.device);
      // The dashboard Agent marks what is wrong with the agent itself.
      if (name === 'agent') {
        assert.deepEqual(devices.filter(Boolean), []);
        continue;
      }
      assert.ok(devices.includes({ queue: SICK.stalled, vm: SICK.slow }[name] ?? SICK.orphan), `${name}: ${devices}`);
      assert.ok(!devices.includes(HEALTHY), name);
    }
  });

  await t.test('an owner leaves its own devices, and devices without one go', async () => {
    const overview = written.find(({ name }) => name === 'host');
    const device =
      variablesOf(overview?.dashboard ?? assert.fail()).find(({ name }) => name === 'device') ?? assert.fail();
    const shown = async (owner: string): Promise<readonly string[]> =>
      (await optionsOf(prometheus, device, { ...all, owner })).map(({ value }) => value);
    assert.ok((await shown('.*')).includes(SICK.orphan));
    assert.deepEqual(
      (await shown(READER)).filter((name) => name === SICK.orphan || name === SICK.slow),
      [SICK.slow],
    );
    assert.deepEqual(await shown('unknown'), []);
  });

  await t.test(
    'every rule can be evaluated, every alert sees its fault, and none sees the healthy device',
    async () => {
      assert.deepEqual(await healthOf(prometheus), []);
      let alerts = await alertsOf(prometheus);
      const silent = (): readonly string[] =>
        alerts.filter(({ active }) => active.length === 0).map(({ name, severity }) => `${name} ${severity}`);
      // A scrape that a busy machine delays takes all series away until the next, and with them what only pends.
      for (let tries = 0; tries < 30 && silent().length > NOT_PROVOKED.length; tries++) {
        await host.run(1);
        alerts = await alertsOf(prometheus);
      }
      assert.deepEqual(silent(), NOT_PROVOKED);
      const active = alerts.flatMap((alert) => alert.active);
      for (const { annotations } of active)
        assert.doesNotMatch(Object.values(annotations).join('\n'), /<no value>|<error/);
      const devices = active.map(({ labels }) => labels.device);
      assert.ok(!devices.includes(HEALTHY));
      for (const device of Object.values(SICK)) assert.ok(devices.includes(device), device);
      for (const device of [STOPPING.bursts, STOPPING.robbed]) assert.ok(devices.includes(device), device);
    },
  );
});

/** The time of the agent's last successful scrape, in seconds since 1970: all series exist at that moment. */
async function scrapedAt(prometheus: Prometheus, instance: string): Promise<number> {
  const up = `up{instance="${instance}"}`;
  for (let tries = 0; tries < 300; tries++) {
    const [answered] = await prometheus.query(`timestamp(${up}) and ${up} == 1`);
    const moment = answered?.points[0]?.[1];
    // A little later, for the moment goes to Prometheus as a decimal fraction.
    if (moment !== undefined) return moment + 0.01;
    await wait(200);
  }
  return assert.fail('Prometheus gets no answer of the agent.');
}

/** The panel shows vhost-net's side. Batches from the guest do not count: the recorded host has none. */
function isOfVhost({ queries }: ShownPanel): boolean {
  return queries.some(({ expr }) => /tapscope_(vhost|zerocopy)_(?!receive_batch)/.test(expr));
}

function hostScope(instance: string): Scope {
  const agent = `instance="${instance}"`;
  return { agent, device: agent, queue: agent };
}

function netnsOf(recording: string): string {
  return /netns="(\d+)"/.exec(recording)?.[1] ?? assert.fail('The recording names no namespace.');
}
