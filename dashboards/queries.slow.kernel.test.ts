// SPDX-License-Identifier: Apache-2.0
// Every query of every panel, variable and rule, asked of a real Prometheus that scraped a real agent on a host with faults.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import test from 'node:test';
import { noLab } from '../lab/netns.ts';
import { freePort } from '../lab/serve.ts';
import { answersOf, type Choices, optionsOf } from './answers.ts';
import { alertsOf, healthOf } from './firing.ts';
import { panelsOf, variablesOf } from './panel-queries.ts';
import { pictureOf } from './picture.ts';
import { startPrometheus } from './prometheus.ts';
import { RULE_FILES } from './rule-files.ts';
import { HEALTHY, SICK, sickHost } from './scenario.ts';
import { written } from './written.ts';

const SECONDS = 15;
/** Measured on Linux 7.3 and later only, where functions can be traced, or with a guest. */
const NOT_EVERYWHERE = [
  'tapscope_queue_consumed_packets_total',
  'tapscope_queue_redirected_packets_total',
  'tapscope_queue_redirect_lost_packets_total',
  'tapscope_receive_refused_writes_total',
  'tapscope_vhost_receive_batch_packets_bucket',
  'tapscope_macvtap_offered_packets_total',
  'tapscope_macvtap_dropped_packets_total',
  'tapscope_macvtap_delivered_packets_total',
  'tapscope_macvtap_receive_packets_total',
];
/** Where packets are few, the agent measures its price once a minute. */
const PRICED_WITHIN_S = 120;

test('a host with faults', { skip: noLab, timeout: 300_000 }, async (t) => {
  const host = await sickHost(t);
  const instance = new URL(host.agent.url).host;
  const dead = `127.0.0.1:${await freePort()}`;
  const prometheus = await startPrometheus(t, [instance, dead], RULE_FILES);
  const from = Date.now() / 1000 + 2;
  await host.run(SECONDS);
  const priced = async (): Promise<boolean> => (await host.agent.metrics()).text.includes('\ntapscope_overhead_ratio{');
  while (!(await priced()) && Date.now() / 1000 < from + PRICED_WITHIN_S) await host.run(2);
  await host.run(3);
  const span = { from, to: Date.now() / 1000 };
  const one: Choices = { instance, netns: String(host.lab.inode), owner: '.*', device: SICK.slow, queue: '0' };
  const all: Choices = { instance: '.*', netns: '.*', owner: '.*', device: '.*', queue: '.*' };

  for (const { name, dashboard } of written) {
    const choices = name === 'queue' ? one : all;
    for (const variable of variablesOf(dashboard)) {
      await t.test(`${name}, variable ${variable.name}`, async () => {
        const options = await optionsOf(prometheus, variable, choices);
        const wanted = { ...one, owner: 'puppet' }[variable.name];
        assert.ok(wanted !== undefined && options.some(({ value }) => value === wanted), JSON.stringify(options));
      });
    }
    for (const panel of panelsOf(dashboard)) {
      await t.test(`${name}, panel '${panel.title}'`, async () => {
        for (const { query, series } of await answersOf(prometheus, panel, choices, span)) {
          const rare = NOT_EVERYWHERE.find((name) => query.expr.includes(name));
          if (rare && !(await host.agent.metrics()).text.includes(`\n${rare}{`)) continue;
          assert.ok(series.length > 0, `${query.expr} is empty`);
          for (const { labels, points } of series) {
            assert.ok(
              points.some(([, value]) => Number.isFinite(value)),
              query.expr,
            );
            for (const [, label = ''] of query.legend.matchAll(/\{\{(\w+)\}\}/g))
              assert.ok(labels[label], `${query.expr}: ${label}`);
          }
        }
      });
    }
    if (process.env.UPDATE === '1') {
      writeFileSync(`docs/dashboard-${name}.svg`, await pictureOf(prometheus, dashboard, choices, span));
    }
  }

  await t.test('an owner leaves its own devices, and devices without one go', async () => {
    const host = written.find(({ name }) => name === 'host');
    const device = variablesOf(host?.dashboard ?? assert.fail()).find(({ name }) => name === 'device') ?? assert.fail();
    const shown = async (owner: string): Promise<readonly string[]> =>
      (await optionsOf(prometheus, device, { ...all, owner })).map(({ value }) => value);
    assert.ok((await shown('.*')).includes(SICK.orphan));
    assert.deepEqual(
      (await shown('puppet')).filter((name) => name === SICK.orphan || name === SICK.slow),
      [SICK.slow],
    );
    assert.deepEqual(await shown('nobody'), []);
  });

  await t.test(
    'every rule can be evaluated, every alert sees its fault, and none sees the healthy device',
    async () => {
      assert.deepEqual(await healthOf(prometheus), []);
      const alerts = await alertsOf(prometheus);
      assert.deepEqual(
        alerts.filter(({ active }) => active.length === 0).map(({ name, severity }) => `${name} ${severity}`),
        [],
      );
      const active = alerts.flatMap((alert) => alert.active);
      for (const { annotations } of active)
        assert.doesNotMatch(Object.values(annotations).join('\n'), /<no value>|<error/);
      const devices = active.map(({ labels }) => labels.device);
      assert.ok(!devices.includes(HEALTHY));
      for (const device of Object.values(SICK)) assert.ok(devices.includes(device), device);
    },
  );
});
