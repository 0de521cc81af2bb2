// SPDX-License-Identifier: Apache-2.0
// Needs: prometheus.
// The dashboard VM asked about a guest of vhost-net: the golden page, whose figures grow, served to a real Prometheus.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { hostDashboard } from '../boards/host-dashboard.ts';
import { vmDashboard } from '../boards/vm-dashboard.ts';
import { panelsOf, variablesOf } from '../promql/panel-queries.ts';
import { answersOf, optionsOf } from './answers.ts';
import { startPrometheus } from './prometheus.ts';
import { recordingOf } from './recording.ts';
import { startReplay } from './replay.ts';

const PAGES = 8;
/** A name that would end a string, of a guest whose device has a namesake in another namespace. */
const GUEST = 'web "1"';
/** A guest behind a macvtap. */
const BRIDGED = 'bridged';
/** Guests whose devices are beyond the agent's series budget. */
const FOLDED = ['a', 'b', GUEST.replaceAll('"', '\\"')]
  .map((vm) => `tapscope_device_owner_info{netns="0",device="~other",program="qemu",vm="${vm}"} 1\n`)
  .concat(
    `tapscope_device_owner_info{netns="4026531840",device="macvtap0",program="qemu",vm="${BRIDGED}"} 1\n`,
    'tapscope_finding{rule="reader-stalled",severity="critical",netns="5",device="tap9",queue="0"} 1\n',
    // A device that stands for many has no _info.
    'tapscope_device_up{netns="0",device="~other"} 2\n',
    'tapscope_queue_dropped_packets_total{netns="0",device="~other",reason="FULL_RING"} 1e9\n',
  )
  .join('');

test('a guest of vhost-net', { timeout: 600_000 }, async (t) => {
  const golden = `${readFileSync('src/outputs/prometheus/prometheus-golden.txt', 'utf8').replace(/# EOF\n$/, '')}${FOLDED}`;
  const pages = Array.from({ length: PAGES }, (_, index) => ({ seconds: index, text: grown(golden, 1 + index) }));
  const replay = await startReplay(t, recordingOf(pages));
  const prometheus = await startPrometheus(t, [replay.instance], []);
  await wait(1000 * (replay.span.to - Date.now() / 1000) + 500);
  const dashboard = vmDashboard();
  const choices = { instance: replay.instance, netns: '.*', device: '.*', guest: GUEST };

  for (const panel of panelsOf(dashboard)) {
    await t.test(`panel '${panel.title}'`, async () => {
      for (const { query, series } of await answersOf(prometheus, panel, choices, replay.span)) {
        for (const name of namesOf(query.expr))
          if (golden.includes(`\n${name}{netns="4026531840",device="tap0"`))
            assert.ok(series.length > 0, `${query.expr} is empty`);
        for (const { labels } of series) {
          assert.ok(['tap0', undefined].includes(labels.device), labels.device);
          for (const [, label = ''] of query.legend.matchAll(/\{\{(\w+)\}\}/g)) assert.ok(labels[label], query.legend);
        }
      }
    });
  }
  await t.test('the host’s worst queues lead to it', async () => {
    const worst = panelsOf(hostDashboard()).find(({ title }) => title === 'Worst queues to guests') ?? assert.fail();
    const answers = await answersOf(prometheus, worst, { ...choices, owner: '.*' }, replay.span);
    const rows = answers.flatMap(({ series }) => series.map(({ labels }) => labels));
    assert.ok(rows.some(({ device }) => device === '~other'));
    assert.deepEqual(
      rows.filter(({ guest }) => guest !== undefined).map(({ device, guest }) => [device, guest]),
      [
        ['tap0', GUEST],
        ['tap0', GUEST],
      ],
    );
  });
  await t.test('a finding of a folded device is shown', async () => {
    const findings = panelsOf(hostDashboard()).find(({ title }) => title === 'Findings') ?? assert.fail();
    const [answer] = await answersOf(prometheus, findings, { ...choices, owner: '.*' }, replay.span);
    assert.ok(answer?.series.some(({ labels }) => labels.device === 'tap9'));
  });
  await t.test('what a macvtap drops is lost to its guest', async () => {
    const lost = panelsOf(dashboard).find(({ title }) => title.startsWith('Packets lost')) ?? assert.fail();
    const [answer] = await answersOf(prometheus, lost, { ...choices, guest: BRIDGED }, replay.span);
    assert.deepEqual(
      answer?.series.map(({ labels, points }) => [labels.device, labels.way, (points[0]?.[1] ?? 0) > 0]),
      [['macvtap0', 'to the guest, dropped by macvtap', true]],
    );
  });
  await t.test('drops of queues that do not tell their offers are no share of others’', async () => {
    const panel = panelsOf(hostDashboard()).find(({ title }) => title === 'Share dropped to guests') ?? assert.fail();
    const [answer] = await answersOf(prometheus, panel, { ...choices, owner: '.*' }, replay.span);
    const shares = answer?.series.flatMap(({ points }) => points.map(([, value]) => value)) ?? [];
    assert.ok(shares.length > 0 && shares.every((share) => share > 0 && share <= 1), String(shares));
  });
  await t.test('it is chosen by its name, and its devices alone are offered', async () => {
    const options = async (name: string, of: typeof choices): Promise<readonly string[]> => {
      const variable = variablesOf(dashboard).find((candidate) => candidate.name === name) ?? assert.fail(name);
      return (await optionsOf(prometheus, variable, of)).map(({ value }) => value);
    };
    assert.ok((await options('guest', choices)).includes(GUEST));
    assert.deepEqual(await options('device', choices), ['tap0']);
    assert.deepEqual(await options('device', { ...choices, guest: 'web' }), []);
  });
});

/** Counters and histograms, so that each has a rate. */
function grown(page: string, factor: number): string {
  return page.replace(
    /^(tapscope_\w+_(?:total|bucket|sum|count)(?:\{.*\})?) (\S+)$/gm,
    (_, series: string, value: string) => `${series} ${Number(value) * factor}`,
  );
}

function namesOf(expr: string): readonly string[] {
  return (expr.match(/tapscope_\w+(?=\{)/g) ?? []).filter((name) => !name.endsWith('_info'));
}
