// SPDX-License-Identifier: Apache-2.0
// Needs: python3-prometheus-client.
// Times of creation in OpenMetrics, as another program reads them: Prometheus' own parser for Python.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { listAt, parseJson } from '../../../test/host/checked-json.ts';
import { goldenBuild, goldenSeen } from '../../../test/snapshots/golden-snapshot.ts';
import type { AgentState } from '../../snapshot/snapshot.ts';
import { createMetricsPage, type MetricsPage, type Seen } from './prometheus-page.ts';

const PARSE = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
print(json.dumps([[f.type, s.name, s.labels, s.value if s.value == s.value else None] for f in text_string_to_metric_families(sys.stdin.read()) for s in f.samples]))
`;

interface Series {
  readonly type: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** null: NaN. */
  readonly value: number | null;
}

function parsed(page: string): readonly Series[] {
  const read = spawnSync('/usr/bin/python3', ['-c', PARSE], { input: page, encoding: 'utf8', maxBuffer: 2 ** 26 });
  assert.equal(read.status, 0, read.stderr.slice(-500));
  return listAt({ all: parseJson(read.stdout) }, 'all').map((one) => {
    assert.ok(Array.isArray(one));
    const [type, name, labels, value] = one;
    return { type, name, labels, value };
  });
}

const [first, ...others] = goldenSeen.devices;
const began = performance.timeOrigin / 1000;

function seenAt(takenAt: number | undefined, devices: Seen['devices'], servingRestarts = 0): Seen {
  const known: AgentState = goldenSeen.agent ?? assert.fail('the golden page has it');
  const agent = { ...known, counting: { servingRestarts, cpuSeconds: 1, residentBytes: 1 } };
  return { ...goldenSeen, agent, takenAt, devices };
}

const pageOf = (page: MetricsPage, seen: Seen) => text(page.scrape(seen, 'openmetrics'));
const fresh = (created = true) => createMetricsPage({ detail: 'queue', build: goldenBuild, created });

test('every counter and histogram of the agent tells its start, next to its value, and nothing else does', async (t) => {
  assert.ok(first);
  const seen = seenAt(began + 5, goldenSeen.devices);
  const kernels = (await fresh().rows(seen)).flatMap(({ metric: { name, since } }) =>
    since === 'device' ? [name] : [],
  );
  const page = await pageOf(fresh(), seen);
  const all = parsed(page);
  const counted = all.filter(({ type, name }) => /^(counter|histogram)$/.test(type) && /_(total|count)$/.test(name));
  const created = all.filter(({ name }) => name.endsWith('_created'));
  assert.ok(created.every(({ value }) => Math.abs((value ?? 0) - began) < 1e-3));
  const without = counted.filter(
    ({ name, labels }) =>
      !created.some(
        (one) =>
          one.name === name.replace(/_(total|count)$/, '_created') &&
          JSON.stringify(one.labels) === JSON.stringify(labels),
      ),
  );
  // The kernel's own counters of devices that were there before.
  assert.deepEqual([...new Set(without.map(({ name }) => name))].sort(), kernels.sort());
  const plain = await pageOf(fresh(false), seenAt(began + 5, goldenSeen.devices));
  assert.doesNotMatch(plain, /_created/);
  t.diagnostic(
    `${created.length} times; ${plain.length} B become ${page.length} B, ${plain.split('\n').length} lines ${page.split('\n').length}`,
  );
});

test('of a device that came later it is the reading before, also of what the kernel counts', async () => {
  assert.ok(first);
  const page = fresh();
  await pageOf(page, seenAt(began + 5, others));
  await pageOf(page, seenAt(undefined, []));
  const all = parsed(await pageOf(page, seenAt(began + 9, goldenSeen.devices)));
  const created = all.filter(
    ({ name, labels }) =>
      name.endsWith('_created') && labels.device === first.name && labels.netns === String(first.netns),
  );
  assert.ok(created.length > 10);
  assert.deepEqual([...new Set(created.map(({ value }) => value))], [began + 5]);
  assert.ok(created.some(({ name }) => name === 'tapscope_device_transmit_packets_created'));
});

test('a process that serves in the place of another does not know of what was there', async () => {
  const all = parsed(await pageOf(fresh(), seenAt(began + 5, goldenSeen.devices, 1)));
  const created = all.filter(({ name }) => name.endsWith('_created'));
  assert.deepEqual(
    created.filter(({ name }) => name.startsWith('tapscope_')),
    [],
  );
  assert.ok(created.some(({ name }) => name === 'process_cpu_seconds_created'));
});
