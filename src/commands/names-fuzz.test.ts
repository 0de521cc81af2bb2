// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Names that strangers choose, in every output: text, JSON, metrics, HTML, log, commands to paste. None drives a terminal or becomes another.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { constantFrom, integer, record, sample } from 'fast-check';
import { heardLog } from '../../test/agent/heard-log.ts';
import { anyText, deviceName, hostileText, shown } from '../../test/fuzz/hostile-text.ts';
import { holdsForAll, holdsInTime, runsOf } from '../../test/fuzz/property.ts';
import { goldenBuild, goldenSeen } from '../../test/snapshots/golden-snapshot.ts';
import { type QueuePlan, snapshotAt } from '../../test/snapshots/quiet-host.ts';
import { queueRates } from '../diagnosis/queue-rates.ts';
import { quoted } from '../diagnosis/remedies/command.ts';
import { windowOf } from '../diagnosis/window.ts';
import { nameOf } from '../foreign-name.ts';
import { logFormats } from '../log/log-format.ts';
import { itemsOf, renderCheck } from '../outputs/check-text.ts';
import { jsonLines, textLines } from '../outputs/drops-text.ts';
import { renderPageText } from '../outputs/page-text.ts';
import { createMetricsPage } from '../outputs/prometheus/prometheus-page.ts';
import { makeRows } from '../outputs/top-rows.ts';
import { renderTop } from '../outputs/top-screen.ts';
import { renderVerdict } from '../outputs/verdict.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { escapedJson, visible } from '../snapshot/visible.ts';
import { jsonOf, judgeSnapshots } from './run-diagnosis.ts';

const HOST = { kernel: '6.12', version: '0.1.0' };
const DRIVES = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const faults: readonly QueuePlan[] = [
  { delivered: 0, lost: 500, occupancy: 1000, full: { sleeping: 1 } },
  { delivered: 900, lost: 100, occupancy: 1000, full: { waiting: 1 } },
  { delivered: 900, lost: 100, occupancy: 1000, full: { stopped: 1 }, vhost: true },
  { delivered: 1000, failed: 5 },
];

const names = record({
  device: shown(deviceName),
  comm: shown(anyText(15)),
  vm: shown(anyText()),
  container: shown(anyText()),
  unit: shown(anyText()),
  tenant: shown(anyText()),
  namespace: shown(anyText()),
  qdisc: shown(hostileText(3)),
  location: shown(hostileText(3)),
  program: constantFrom('qemu', 'openvpn', ''),
  fault: integer({ min: 0, max: faults.length - 1 }),
  width: integer({ min: 10, max: 120 }),
});
type Names = typeof names extends { generate(...all: never[]): { readonly value: infer Value } } ? Value : never;

function snapshots({
  device,
  comm,
  vm,
  container,
  unit,
  tenant,
  namespace,
  qdisc,
  location,
  program,
  fault,
}: Names): readonly Snapshot[] {
  const plan = faults[fault] ?? {};
  const identity = { program, vm, container, unit, tenant };
  const owned = {
    ...plan,
    more: () => ({
      owner: { pid: 7, comm, startedAt: undefined, identity: { uuid: '', runtime: '', pod: '', ...identity } },
    }),
  };
  const taps = [
    {
      queues: [owned],
      before: { [`TC_${location}@${location}`]: 10 },
      more: () => ({ name: device, qdisc, netns: 2 }),
    },
    {},
  ];
  const agent = {
    namespaceNames: new Map([[2, namespace]]),
    namespacePaths: new Map([[2, `/run/netns/${namespace}`]]),
  };
  return [0, 5, 10].map((second) => snapshotAt(second, taps, agent));
}

holdsForAll(
  'on a terminal, as JSON and as HTML',
  names,
  (chosen) => {
    const seen = snapshots(chosen);
    const last = seen.at(-1);
    assert.ok(last);
    const judged = judgeSnapshots(seen, {}, HOST);
    const layout = { width: chosen.width, colours: false };
    const window = windowOf(seen);
    const rates = queueRates(window, window);
    const { findings } = judged.verdict;
    const checked = { ...judged, agent: undefined, rules: 30 };
    const top = { takenAt: last.takenAt, rows: makeRows(rates, findings), snapshot: last, late: undefined, cost: '' };
    const view = { sort: 'u', isReversed: false, filter: '', showsIdle: true, selected: undefined };
    const html = renderPageText({ verdict: judged.status, findings, queues: rates, takenAt: last.takenAt });
    const texts = [
      renderVerdict(judged, layout),
      renderCheck(checked, itemsOf(checked), layout),
      renderTop(top, view, layout),
      html,
    ];
    for (const text of texts) assert.doesNotMatch(text, DRIVES);
    assert.doesNotMatch(
      html.replace(/<\/?(?:h2|p|ul|li|pre|article|strong)>|<a href="\/api\/v1\/findings">|<\/a>/g, ''),
      /[<>]/,
    );
    const json = escapedJson(JSON.stringify({ ...jsonOf(judged), devices: judged.devices }));
    assert.doesNotMatch(json, DRIVES);
    assert.deepEqual(JSON.parse(json).devices[0].name, chosen.device);
  },
  { runs: 400 },
);

holdsForAll(
  'in lines of losses and of the log: one line each',
  names,
  ({ device, comm, namespace, location, vm }) => {
    const identity = { program: '', vm, uuid: '', runtime: '', container: '', pod: '', unit: '' };
    const loss = {
      netns: 2,
      namespace,
      device,
      queue: 0,
      where: 'tun',
      reason: 'FULL_RING',
      location,
      packets: 1,
      owner: { pid: 1, comm, startedAt: undefined, identity },
    } as const;
    const heard: string[] = [];
    for (const format of logFormats) {
      const log = heardLog({ format }, (line) => heard.push(line));
      log.logger.warn({ namespace, [comm]: { [device]: namespace } }, device + comm);
    }
    for (const line of [
      textLines({ watched: 'tap0', ownNetns: 1, rate: 0 }).loss(1, loss),
      jsonLines().loss(1, loss),
      ...heard,
    ]) {
      assert.match(line, /^[^\n]+\n$/);
      assert.doesNotMatch(line, DRIVES);
    }
  },
  { runs: 2000 },
);

const LABEL = '[a-zA-Z_]\\w*="(?:[^"\\\\\\n]|\\\\[\\\\n"])*"';
const SAMPLE = new RegExp(
  `^[a-zA-Z_]\\w*(?:\\{(?:${LABEL}(?:,${LABEL})*)?\\})? (?:-?[\\d.]+(?:e[+-]?\\d+)?|Na[nN]|[+-]Inf)$`,
);

holdsInTime(
  'in both formats of Prometheus: every line is a sample, and the device comes back',
  names,
  async (chosen) => {
    const [{ devices, agent } = { devices: [], agent: undefined }] = snapshots(chosen);
    assert.ok(agent);
    const page = createMetricsPage({ detail: 'queue', build: goldenBuild });
    for (const format of ['text', 'openmetrics'] as const) {
      let text = '';
      for await (const chunk of page.scrape({ ...goldenSeen, devices, agent }, format)) text += chunk;
      assert.doesNotMatch(text, DRIVES);
      const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      for (const line of samples) assert.match(line, SAMPLE);
      const offered = samples.find((line) => line.startsWith('tapscope_queue_offered_packets_total{netns="2"'));
      const label = /device="((?:[^"\\]|\\.)*)"/.exec(offered ?? '')?.[1] ?? '';
      assert.equal(
        label.replace(/\\(.)/g, (_, sign: string) => (sign === 'n' ? '\n' : sign)),
        chosen.device,
      );
    }
  },
  { runs: 60 },
);

test('a word in a command to paste is that word to a shell', () => {
  const words = sample(anyText(), runsOf(500))
    .map((word) => word.replaceAll('\0', ''))
    .filter((word) => !/[\p{Cs}]|\n$/u.test(word));
  for (let from = 0; from < words.length; from += 200) {
    const some = words.slice(from, from + 200);
    const script = some.map((word) => quoted(nameOf(Buffer.from(word)))).join(' ');
    assert.equal(visible(script), script);
    const { stdout } = spawnSync('sh', ['-c', `printf '%s\\0' ${script}`]);
    assert.deepEqual(stdout.toString().split('\0').slice(0, -1), some);
  }
});
