// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import type { Device } from '../snapshot/device.ts';
import type { Metric } from '../snapshot/metric.ts';
import type { Queue } from '../snapshot/queue.ts';
import { agentMetrics, cpuMetrics, deviceMetrics, queueMetrics } from './list.ts';
import { scrapeMetrics } from './scrape-metrics.ts';

const metrics: readonly Metric<never>[] = [
  ...queueMetrics,
  ...cpuMetrics,
  ...deviceMetrics,
  ...agentMetrics,
  ...scrapeMetrics,
];

test('every metric has one name, and no other metric that OpenMetrics takes for the same', () => {
  const families = metrics.map(({ name }) => name.replace(/_total$/, ''));
  assert.deepEqual(families, [...new Set(families)]);
});

for (const { name, type, help, labels } of metrics) {
  test(`${name} follows the conventions`, () => {
    assert.match(name, /^tapscope(_[a-z]+)+$/);
    assert.equal(name.endsWith('_total'), type === 'counter');
    assert.match(help, /^[A-Z0-9][^"\\\n]*\.$/);
    for (const label of labels) assert.match(label, /^[a-z]+(_[a-z]+)*$/);
    assert.ok(
      !labels.some((label) => ['netns', 'device', 'queue'].includes(label)) ||
        ['tapscope_namespace_info', 'tapscope_unrouted_dropped_packets_total', 'tapscope_finding'].includes(name),
    );
  });
}

test('times and sizes of queues beside each other are not added up', () => {
  const lasting = queueMetrics.filter(
    ({ name, type }) => type === 'gauge' && /_seconds$|_needed_packets$|_cpu$/.test(name),
  );
  assert.deepEqual(
    lasting.map(({ name, merge }) => [name, merge]),
    [
      ['tapscope_ring_overflow_needed_packets', 'max'],
      ['tapscope_ring_overflow_open_seconds', 'max'],
      ['tapscope_vhost_worker_cpu', 'max'],
      ['tapscope_queue_stopped_for_seconds', 'max'],
    ],
  );
});

const [guest, , vpn] = goldenSnapshot.devices;

function values<Subject>(list: readonly Metric<Subject>[], name: string, subject: Subject | undefined) {
  const metric = list.find((candidate) => candidate.name === name);
  assert.ok(metric !== undefined && subject !== undefined);
  return metric.samples(subject).map(({ labels, value }) => [...labels, value]);
}

function queueValues(name: string, queue: Queue | undefined) {
  return values(queueMetrics, `tapscope_queue_${name}`, queue);
}

function deviceValues(name: string, device: Device | undefined) {
  return values(deviceMetrics, `tapscope_device_${name}`, device);
}

test('each sample has a value for each label', () => {
  const samples = [
    ...goldenSnapshot.devices.flatMap((device) => [
      ...deviceMetrics.map((metric) => ({ metric, samples: metric.samples(device) })),
      ...device.queues.flatMap((queue) =>
        [...queueMetrics, ...cpuMetrics].map((metric) => ({ metric, samples: metric.samples(queue) })),
      ),
    ]),
    ...agentMetrics.map((metric) => ({ metric, samples: metric.samples(goldenSnapshot.agent) })),
  ];
  for (const { metric, samples: all } of samples) {
    for (const { labels, suffix } of all)
      assert.equal(labels.length, metric.labels.length + Number(suffix === '_bucket'), metric.name);
  }
});

test('drops are shown by reason, zeros too', () => {
  assert.deepEqual(queueValues('dropped_packets_total', guest?.queues[0]), [
    ['FULL_RING', 90],
    ['TAP_FILTER', 0],
    ['UNTRACED', 10],
  ]);
});

test('what was not measured has no series', () => {
  for (const metric of queueMetrics) {
    const subject = vpn?.queues[0];
    assert.ok(subject !== undefined);
    assert.deepEqual(metric.samples(subject), [], metric.name);
  }
  assert.deepEqual(queueValues('delivered_packets_total', guest?.queues[1]), []);
  assert.deepEqual(deviceValues('transmit_packets_total', vpn), []);
  assert.deepEqual(deviceValues('other_dropped_packets_total', vpn), []);
  assert.deepEqual(deviceValues('queues', vpn), []);
  assert.deepEqual(values(agentMetrics, 'tapscope_rows_used', { ...goldenSnapshot.agent, rowsUsed: undefined }), []);
});

test('degraded is 1 with a reason, 0 without, and nothing where nothing was counted', () => {
  assert.deepEqual(queueValues('degraded', guest?.queues[0]), [[0]]);
  assert.deepEqual(queueValues('degraded', guest?.queues[1]), [[1]]);
  assert.deepEqual(queueValues('degraded', vpn?.queues[0]), []);
  assert.deepEqual(deviceValues('degraded', vpn), []);
});

test('a device that detached all its queues still says so', () => {
  const idle = guest === undefined ? undefined : { ...guest, queues: [], attachedQueues: 0, detachedQueues: 3 };
  assert.deepEqual(deviceValues('queues', idle), [
    ['attached', 0],
    ['detached', 3],
  ]);
});
