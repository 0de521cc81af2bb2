// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { cataloguePage, goldenSnapshot } from '../../../test/snapshots/golden-snapshot.ts';
import type { Device } from '../../snapshot/device.ts';
import { createSeriesCounts, type Detail, details, selectDevices, seriesBudget } from './detail.ts';
import { createSlices } from './slices.ts';

/** Copies of the golden host's first device, which has two queues. */
function taps(...ids: readonly string[]): readonly Device[] {
  return goldenSnapshot.devices.slice(0, 1).flatMap((guest) => ids.map((id) => ({ ...guest, name: `tap${id}`, id })));
}

function select(devices: readonly Device[], detail: Detail, budget: number) {
  return selectDevices(devices, { detail, budget }, createSeriesCounts(), createSlices());
}

function idsOf(devices: readonly Device[]): readonly string[] {
  return devices.map(({ id }) => id);
}

async function show(
  detail: Detail,
  devices: readonly Device[],
  page = cataloguePage(detail),
): Promise<readonly string[]> {
  const shown = await text(
    page.scrape(
      { devices, agent: undefined, snapshotAgeSeconds: 0, snapshotErrors: 0, exposed: false, findings: [] },
      'text',
    ),
  );
  return shown.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

test('a device costs the series that are shown', async () => {
  const agentSeries = (await show('queue', [])).length;
  for (const detail of details) {
    const cost = (await show(detail, taps('1'))).length - agentSeries;
    assert.deepEqual(idsOf((await select(taps('1', '2'), detail, 2 * cost)).folded), [], detail);
    assert.deepEqual(idsOf((await select(taps('1', '2'), detail, 2 * cost - 1)).folded), ['2'], detail);
  }
});

test('the oldest devices are shown, in any order of the snapshot', async () => {
  const devices = taps('10', '9', '8', '11');
  const cost = (await show('device', taps('1'))).length - (await show('device', [])).length;
  const { shown, folded } = await select(devices, 'device', 2 * cost);
  assert.deepEqual([...idsOf(shown), ...idsOf(folded)], ['8', '9', '10', '11']);
  assert.deepEqual(idsOf(shown), ['8', '9']);
});

test('a device made again under its name is shown once, the younger one', async () => {
  const [old, young] = taps('9', '10').map((device) => ({ ...device, name: 'tap0' }));
  assert.ok(old !== undefined && young !== undefined);
  assert.deepEqual(idsOf((await select([young, old], 'queue', 1000)).shown), ['10']);
});

test('--detail device shows queues as one, without the label', async () => {
  const lines = await show('device', taps('1'));
  for (const line of [
    'tapscope_queue_offered_packets_total{netns="4026531840",device="tap1"} 2000',
    'tapscope_queue_dropped_packets_total{netns="4026531840",device="tap1",reason="FULL_RING"} 90',
    'tapscope_queue_degraded{netns="4026531840",device="tap1"} 1',
    'tapscope_ring_capacity_packets{netns="4026531840",device="tap1"} 1000',
    'tapscope_queue_owner_info{netns="4026531840",device="tap1",pid="4711",comm="qemu-system \\"x\\"",thread="4713"} 1',
  ]) {
    assert.ok(lines.includes(line), line);
  }
  assert.ok(!lines.some((line) => line.includes(',queue="') || line.includes(',cpu="')));
});

test('--detail core is a part of --detail device: what the alerts need', async () => {
  const [core, device] = [await show('core', taps('1')), await show('device', taps('1'))];
  assert.deepEqual(
    core.filter((line) => !device.includes(line)),
    [],
  );
  const ofTap = (lines: readonly string[]): number => lines.filter((line) => line.includes('device="tap1"')).length;
  assert.ok(ofTap(core) < ofTap(device) * 0.6, `${ofTap(core)} of ${ofTap(device)}`);
  assert.ok(core.some((line) => line.startsWith('tapscope_device_owner_info{')));
});

for (const { detail, queue } of [
  { detail: 'core', queue: '' },
  { detail: 'device', queue: '' },
  { detail: 'queue', queue: ',queue="0"' },
  { detail: 'full', queue: ',queue="0"' },
  { detail: 'cpu', queue: ',queue="0"' },
] satisfies readonly { detail: Detail; queue: string }[]) {
  test(`beyond the budget of --detail ${detail} devices are summed`, async () => {
    const devices = taps(...Array.from({ length: 6000 }, (_, index) => String(index)));
    const lines = await show(detail, devices);
    const folded = Number(lines.find((line) => line.startsWith('tapscope_devices_folded '))?.split(' ')[1]);
    const shown = new Set(
      lines.map((line) => /device="(tap\d+)"/.exec(line)?.[1]).filter((name) => name !== undefined),
    );
    assert.equal(shown.size + folded, 6000);
    assert.ok(folded > 0);
    assert.ok(
      lines.includes(`tapscope_queue_offered_packets_total{netns="0",device="~other"${queue}} ${2000 * folded}`),
    );
    assert.ok(lines.includes(`tapscope_device_up{netns="0",device="~other"} ${folded}`));
    assert.ok(lines.includes('tapscope_device_degraded{netns="0",device="~other"} 0'));
    assert.ok(!lines.some((line) => line.includes('_info{netns="0"')));
    const cost = (await show(detail, taps('1'))).length - (await show(detail, [])).length;
    const ofDevices = lines.filter((line) => line.includes('device="tap')).length;
    assert.ok(ofDevices <= seriesBudget[detail] && ofDevices > seriesBudget[detail] - cost, String(ofDevices));
  });
}

test('a device that goes leaves no series, and the queue that goes with it', async () => {
  const page = cataloguePage('queue');
  await show('queue', taps('1', '2'), page);
  const lines = await show(
    'queue',
    taps('2').map((device) => ({ ...device, queues: device.queues.slice(0, 1) })),
    page,
  );
  assert.ok(!lines.some((line) => line.includes('device="tap1"') || line.includes('queue="1"')));
});

test('devices that grow are counted again within some scrapes', async () => {
  const grown = taps(...Array.from({ length: 50 }, (_, index) => String(index)));
  const small = grown.map((device) => ({ ...device, queues: [] }));
  const limit = { detail: 'queue', budget: 1500 } as const;
  const counts = createSeriesCounts();
  const foldedOf = async (devices: readonly Device[]) =>
    (await selectDevices(devices, limit, counts, createSlices())).folded.length;
  assert.equal(await foldedOf(small), 0);
  const later = [await foldedOf(grown), await foldedOf(grown), await foldedOf(grown), await foldedOf(grown)];
  assert.equal(later.at(-1), await foldedOf(grown), later.join());
  assert.equal(later.at(-1), (await select(grown, 'queue', 1500)).folded.length);
  assert.ok((later.at(-1) ?? 0) > 0);
});
