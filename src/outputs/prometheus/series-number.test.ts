// SPDX-License-Identifier: Apache-2.0
// Needs: prometheus.
// Series that a tap costs at each level: of every host of the lab, idle, busy and losing, on Linux 6.1 to 7.3, and of a host of 500 guests.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { cataloguePage, goldenSeen } from '../../../test/snapshots/golden-snapshot.ts';
import { losingGuests, recordedHosts } from '../../../test/snapshots/recorded-hosts.ts';
import type { Device } from '../../snapshot/device.ts';
import { type Detail, details, seriesBudget } from './detail.ts';

const hosts = recordedHosts();

function seriesAt(detail: Detail, devices: readonly Device[]): Promise<string> {
  return text(cataloguePage(detail).scrape({ ...goldenSeen, agent: undefined, findings: [], devices }, 'text'));
}

async function numberAt(detail: Detail, ...devices: readonly Device[]): Promise<number> {
  return (await seriesAt(detail, devices)).match(/^tapscope_\w+\{.*device="/gm)?.length ?? 0;
}

const kernels = ['6.1', '6.12', '7.2', '7.3'];
for (const kernel of kernels) {
  test(`Linux ${kernel}: 40 series a tap, 20 for each further queue; 20 a tap at --detail core`, async () => {
    const there = hosts.filter(({ file }) => file.includes(`-${kernel}-`));
    assert.ok(there.length >= 15, `${there.length}`);
    for (const { file, snapshots } of there) {
      for (const device of snapshots.flatMap(({ devices }) => devices)) {
        const [usual, core] = [await numberAt('queue', device), await numberAt('core', device)];
        const most = 40 + 20 * Math.max(0, device.queues.length - 1);
        assert.ok(usual <= most, `${file}: ${device.name} has ${usual} series, ${most} at most`);
        assert.ok(core <= 20, `${file}: ${device.name} has ${core} series at core`);
      }
    }
  });
}

test('a tap of Linux 7.3 that stops, and loses packets in every way that one host of the lab lost them, keeps the limits', async () => {
  const there = hosts
    .filter(({ file }) => file.includes('-7.3-'))
    .flatMap(({ snapshots }) => snapshots.at(-1)?.devices ?? [])
    .filter(({ queues }) => queues.length === 1 && queues[0]?.flow && queues[0].history?.sojourn?.sum);
  assert.ok(there.length > 0);
  for (const device of there) {
    const [queue] = device.queues;
    assert.ok(queue?.reader && queue.flow && device.receive);
    const fullSeconds = ['running', 'waiting', 'sleeping'].map((state) => ({ state, seconds: 1 }));
    const lossy: Device = {
      ...device,
      queueChanges: { joined: 0, left: 0 },
      otherDropped: [{ reason: 'QDISC_DROP', location: '__tcf_kfree_skb_list', packets: 1 }],
      receive: {
        ...device.receive,
        dropped: [{ reason: 'SKB_UCOPY_FAULT', location: 'tun_get_user', packets: 1 }],
        refusedByHost: [{ reason: 'UNHANDLED_PROTO', location: '__netif_receive_skb_core', packets: 1 }],
        refused: [{ errno: 'EFAULT', writes: 1 }],
      },
      queues: [{ ...queue, flow: { ...queue.flow, stoppedForSeconds: 1 }, reader: { ...queue.reader, fullSeconds } }],
    };
    const [usual, core] = [await numberAt('queue', lossy), await numberAt('core', lossy)];
    assert.ok(usual <= 40 && core <= 20, `${usual} series, ${core} at core`);
  }
});

test('at --detail core a counter of losses begins with 0, and what no alert takes a rate of with its first hit', async () => {
  const [device] =
    hosts.find(({ file }) => file.startsWith('a-queue-that-nobody-serves'))?.snapshots.at(-1)?.devices ?? [];
  const [queue] = device?.queues ?? [];
  const counters = queue?.counters;
  assert.ok(device && counters);
  const reasons = async (...packets: readonly number[]): Promise<readonly string[]> => {
    const dropped = ['FULL_RING', 'UNTRACED', 'TAP_FILTER', 'TAP_TXFILTER'].map((reason, index) => ({
      reason,
      packets: packets[index] ?? 0,
    }));
    const page = await seriesAt('core', [{ ...device, queues: [{ ...queue, counters: { ...counters, dropped } }] }]);
    return [...page.matchAll(/^tapscope_queue_dropped.*reason="(\w+)"\} (\d+)$/gm)].map(
      ([, reason, value]) => `${reason} ${value}`,
    );
  };
  assert.deepEqual(await reasons(0, 0, 0, 0), ['FULL_RING 0', 'UNTRACED 0']);
  assert.deepEqual(await reasons(3, 0, 2, 0), ['FULL_RING 3', 'UNTRACED 0', 'TAP_FILTER 2']);
});

test('some of these hosts are idle, some lose packets, and some have a histogram', async () => {
  const pages = await Promise.all(hosts.map(({ snapshots }) => seriesAt('queue', snapshots.at(-1)?.devices ?? [])));
  const having = (line: RegExp): number => pages.filter((page) => line.test(page)).length;
  assert.ok(having(/^tapscope_queue_dropped_packets_total\{.*reason="FULL_RING"\} [1-9]/m) >= 20);
  assert.ok(having(/^tapscope_queue_dropped_packets_total\{.*reason="FULL_RING"\} 0/m) >= 20);
  assert.ok(having(/^tapscope_queue_sojourn_seconds_count\{.*\} [1-9]/m) >= 10);
});

test('500 guests of four losing queues take half of the limit, and none is folded', async () => {
  const guests = losingGuests(500, 4);
  const number = await numberAt('queue', ...guests);
  assert.ok(number <= seriesBudget.queue / 2, `${number}`);
  assert.match(await seriesAt('queue', guests), /^tapscope_devices_folded 0$/m);
});

test('a histogram is absent until its first observation, and then whole for as long as its device is there', async () => {
  const page = cataloguePage('queue');
  const device = hosts
    .flatMap(({ snapshots }) => snapshots.at(-1)?.devices ?? [])
    .find(({ queues }) => queues.length === 1 && queues[0]?.history?.sojourn?.sum);
  const [queue] = device?.queues ?? [];
  assert.ok(device && queue?.history);
  const { history } = queue;
  const scrape = async (buckets: readonly number[]): Promise<readonly string[]> => {
    const seen = { ...device, queues: [{ ...queue, history: { ...history, sojourn: { buckets, sum: 0 } } }] };
    const shown = await text(page.scrape({ ...goldenSeen, findings: [], devices: [seen] }, 'text'));
    return shown.match(/^tapscope_queue_sojourn_seconds_.* (\S+)$/gm) ?? [];
  };
  assert.deepEqual(await scrape([]), []);
  assert.deepEqual(await scrape([0, 0, 0]), []);
  const hit = await scrape([0, 0, 1]);
  assert.equal(hit.length, 8);
  assert.ok(
    hit.every((line) => line.endsWith(' 1') || line.includes('_sum{')),
    hit.join('\n'),
  );
  // Its account began anew.
  assert.equal((await scrape([])).length, 8);
});

test('promtool finds no fault with the page of an idle, a busy and a losing host at any level', async () => {
  const names = [
    'a-queue-that-nobody-serves-and-nobody-sends',
    'bulk-load-at-95',
    'bursts-that-do-not-fit-the-ring-7.3',
  ];
  for (const name of names) {
    const devices = hosts.find(({ file }) => file.startsWith(name))?.snapshots.at(-1)?.devices;
    assert.ok(devices, name);
    for (const detail of details) {
      const page = await text(cataloguePage(detail).scrape({ ...goldenSeen, devices }, 'text'));
      const promtool = spawnSync('promtool', ['check', 'metrics'], { input: page, encoding: 'utf8' });
      const found = [promtool.error, promtool.stdout, promtool.stderr, promtool.status];
      assert.deepEqual(found, [undefined, '', '', 0], `${name} at ${detail}`);
    }
  }
});
