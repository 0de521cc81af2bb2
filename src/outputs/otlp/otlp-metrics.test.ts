// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// A collector gets the samples of the page of the same rows, with the right start times.
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { attributesOf, samplesOfPage, samplesOfRequests } from '../../../test/agent/otlp-samples.ts';
import { at, listAt, parseJson, textAt } from '../../../test/host/checked-json.ts';
import { cataloguePage, goldenBuild, goldenSeen, goldenSnapshot } from '../../../test/snapshots/golden-snapshot.ts';
import type { Device } from '../../snapshot/device.ts';
import type { QueueCounters } from '../../snapshot/queue.ts';
import { deviceMetrics, queueMetrics } from '../../subjects/list.ts';
import { createMetricsPage, type MetricsPage } from '../prometheus/prometheus-page.ts';
import { createSlices } from '../prometheus/slices.ts';
import { directionOf } from './otlp-attributes.ts';
import { metricsRequests } from './otlp-metrics.ts';
import { SeriesStarts } from './series-starts.ts';

const sender = { version: '0.1.0', hostName: 'host1', hostId: '', instanceId: '96d525c0-5e23-53a3-b6ab-21f15465153f' };

async function requestsOf(page: MetricsPage, devices: readonly Device[], starts: SeriesStarts, takenAt: number) {
  const rows = await page.rows({ ...goldenSeen, devices });
  const requests: unknown[] = [];
  for await (const body of metricsRequests(rows, { sender, starts, takenAt }, createSlices())) {
    requests.push(parseJson(body));
  }
  return requests;
}

for (const detail of ['device', 'queue', 'cpu'] as const)
  test(`each sample of a page, and no other, at --detail ${detail}`, async () => {
    const page = cataloguePage(detail);
    const many = Array.from({ length: 60 }, (_, index) => goldenSnapshot.devices.map((device) => named(device, index)));
    const devices = many.flat();
    const rows = page.rows({ ...goldenSeen, devices });
    const shown = await text(page.page(rows, 'text'));
    const bodies: string[] = [];
    const moment = { sender, starts: new SeriesStarts(1), takenAt: 2 };
    for await (const body of metricsRequests(await rows, moment, createSlices())) bodies.push(body);
    assert.ok(bodies.length > 1);
    for (const body of bodies) assert.ok(body.length < 2e6, 'a request is small');
    assert.deepEqual(samplesOfRequests(bodies.map(parseJson)), samplesOfPage(shown));
  });

test('the metrics of the process are among them', async () => {
  const page = createMetricsPage({ detail: 'queue', build: goldenBuild });
  const rows = await page.ownRows();
  const requests: unknown[] = [];
  const moment = { sender, starts: new SeriesStarts(1), takenAt: 2 };
  for await (const body of metricsRequests(rows, moment, createSlices())) requests.push(parseJson(body));
  const shown = samplesOfPage(await text(page.page(Promise.resolve([]), 'text')));
  // The first garbage collection of a kind adds series, and may come between the two.
  const lasting = (names: Iterable<string>): readonly string[] =>
    [...names].filter((name) => !name.startsWith('nodejs_gc_')).sort();
  assert.deepEqual(lasting(samplesOfRequests(requests).keys()), lasting(shown.keys()));
});

test('who sends it, units, and the names of semantic conventions beside our own', async () => {
  const page = cataloguePage('queue');
  const requests = await requestsOf(page, goldenSeen.devices, new SeriesStarts(1), 2);
  assert.deepEqual(attributesOf(at(requests[0], 'resourceMetrics', 0, 'resource')), {
    'service.name': 'tapscope',
    'service.version': '0.1.0',
    'service.instance.id': '96d525c0-5e23-53a3-b6ab-21f15465153f',
    'host.name': 'host1',
    'os.type': 'linux',
  });
  const dropped = metricOf(requests, 'tapscope_queue_dropped_packets_total');
  assert.deepEqual([at(dropped, 'unit'), at(dropped, 'sum', 'isMonotonic')], ['{packet}', true]);
  assert.deepEqual(attributesOf(at(dropped, 'sum', 'dataPoints', 0)), {
    netns: '4026531840',
    device: 'tap0',
    'network.interface.name': 'tap0',
    queue: '0',
    reason: 'FULL_RING',
    'error.type': 'FULL_RING',
    'network.io.direction': 'transmit',
  });
  assert.equal(at(metricOf(requests, 'tapscope_queue_sojourn_seconds'), 'unit'), 's');
});

test('each total says since when it counts', async () => {
  const [guest, namesake] = goldenSeen.devices;
  assert.ok(guest && namesake);
  const page = cataloguePage('queue');
  const starts = new SeriesStarts(100);
  const offered = 'tapscope_queue_offered_packets_total';
  const kernel = 'tapscope_device_transmit_packets_total';
  const first = await requestsOf(page, [guest], starts, 110);
  // The kernel's own began before the agent, at a time that it does not tell.
  assert.deepEqual([startsOf(first, offered), startsOf(first, kernel)], [[100, 100], [110]]);
  const second = await requestsOf(page, [guest, namesake], starts, 120);
  assert.deepEqual(
    [startsOf(second, offered), startsOf(second, kernel)],
    [
      [100, 100, 110],
      [110, 110],
    ],
  );
  const fallen = { ...guest, queues: guest.queues.map((queue) => ({ ...queue, counters: fall(queue.counters) })) };
  const third = await requestsOf(page, [fallen, namesake], starts, 130);
  assert.deepEqual(
    [startsOf(third, offered), startsOf(third, kernel)],
    [
      [120, 120, 110],
      [110, 110],
    ],
  );
  assert.deepEqual(startsOf(await requestsOf(page, [fallen], starts, 140), offered), [120, 120]);
});

test('a clock that is set back makes no total start after it was read', async () => {
  const page = cataloguePage('queue');
  const starts = new SeriesStarts(100);
  for (const takenAt of [110, 50, 60]) {
    const points = listAt(
      metricOf(await requestsOf(page, goldenSeen.devices, starts, takenAt), 'tapscope_queue_offered_packets_total'),
      'sum',
      'dataPoints',
    );
    for (const point of points)
      assert.ok(BigInt(textAt(point, 'startTimeUnixNano')) <= BigInt(textAt(point, 'timeUnixNano')));
  }
});

function named(device: Device, index: number): Device {
  return { ...device, name: `${device.name}-${index}`, id: `${device.id}${index}` };
}

function fall(counters: QueueCounters | undefined): QueueCounters | undefined {
  return counters && { ...counters, offered: 1 };
}

function metricOf(requests: readonly unknown[], name: string): unknown {
  const metrics = requests.flatMap((request) => listAt(request, 'resourceMetrics', 0, 'scopeMetrics', 0, 'metrics'));
  return metrics.find((metric) => at(metric, 'name') === name);
}

/** Unix time in seconds of each series. */
function startsOf(requests: readonly unknown[], name: string): readonly number[] {
  const points = listAt(metricOf(requests, name), 'sum', 'dataPoints');
  return points.map((point) => Number(textAt(point, 'startTimeUnixNano')) / 1e9);
}

test('the direction is that of the interface of the host, and only where all of a metric goes one way', () => {
  const directions = {
    tapscope_receive_bytes_total: 'receive',
    tapscope_queue_dropped_packets_total: 'transmit',
    tapscope_device_transmit_packets_total: 'transmit',
    tapscope_macvtap_offered_packets_total: 'receive',
    tapscope_macvtap_receive_packets_total: 'transmit',
    tapscope_uncounted_lost_packets_total: '',
    tapscope_queue_stopped_seconds_total: '',
  };
  for (const [name, direction] of Object.entries(directions)) {
    const metric = [...queueMetrics, ...deviceMetrics].find((one) => one.name === name) ?? assert.fail(name);
    assert.equal(directionOf(metric), direction, name);
  }
});
