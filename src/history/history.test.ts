// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Every kept step is deep-equal to the snapshot that was added, after any change between them.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Random, randomOf, seedOf } from '../../test/host/random.ts';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import type { Device } from '../snapshot/device.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { History, OutsideHistory } from './history.ts';

const BEGIN = 1_795_000_000;

/** The golden host at a second of its life. */
function hostAt(takenAt: number, devices: readonly Device[] = goldenSnapshot.devices): Snapshot {
  return { ...structuredClone(goldenSnapshot), takenAt, devices: structuredClone(devices) };
}

/** Any value again, with some of its leaves changed, some lists longer or shorter, some things gone or there. */
function changed(value: unknown, random: Random): unknown {
  if (Array.isArray(value)) {
    const entries = value.map((entry) => changed(entry, random));
    if (random.below(60) === 0) return [...entries, ...structuredClone(entries.slice(0, 1))];
    return random.below(60) === 0 ? entries.slice(1) : entries;
  }
  if (value instanceof Map) return new Map([...value].map(([key, entry]) => [key, changed(entry, random)]));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, changed(entry, random)]));
  if (random.below(8) > 0) return value;
  if (typeof value === 'number') return randomNumber(value, random);
  if (value === undefined) return random.below(3) === 0 ? random.below(1000) : undefined;
  return typeof value === 'string' ? `${value.slice(0, 20)}${random.below(10)}` : random.below(2) === 0;
}

function randomNumber(value: number, random: Random): number | undefined {
  return [
    value + random.below(200),
    value - random.below(200),
    value + random.below(2 ** 40),
    value + random.below(1000) / 7,
    -(2 ** 53) * random.below(1000) - 1,
    Number.MAX_VALUE,
    random.below(2 ** 32) * 2 ** 20,
    Number.NEGATIVE_INFINITY,
    0,
    undefined,
  ][random.below(10)];
}

/** Devices are still told apart, and may have changed places. */
function laterDevices(devices: readonly Device[], random: Random): readonly Device[] {
  const kept = devices.filter(() => random.below(30) > 0);
  const next = kept.map((device) => {
    const { id, netns, name } = device;
    const other: unknown = changed(device, random);
    assert.ok(isDevice(other));
    return { ...other, id, netns, name: random.below(50) === 0 ? `${name}'` : name };
  });
  const fresh = goldenSnapshot.devices[random.below(goldenSnapshot.devices.length)];
  if (fresh && random.below(10) === 0) next.push({ ...fresh, id: String(random.below(2 ** 30)) });
  return random.below(20) === 0 ? next.reverse() : next;
}

function isDevice(value: unknown): value is Device {
  return typeof value === 'object' && value !== null && 'queues' in value;
}

test('every step comes back as it was, after any change', (t) => {
  const random = randomOf(seedOf(t));
  const history = new History();
  const added = new Map<number, Snapshot>();
  let { devices } = goldenSnapshot;
  for (let second = 0; second < 2100; second++) {
    devices = laterDevices(devices, random);
    const snapshot = hostAt(BEGIN + second + random.below(500) / 1000, devices);
    added.set(snapshot.takenAt, structuredClone(snapshot));
    history.add(snapshot);
  }
  const { from, to } = history.span ?? { from: 0, to: 0 };
  assert.ok(to - from >= 1800 && to - from < 2100, `${to - from} s`);
  let compared = 0;
  for (const [at, step] of [
    [to, 1],
    [to - 25, 1],
    [to - 120, 10],
    [to - 200, 10],
    [to - 900, 30],
    [from + 40, 30],
  ] as const) {
    const window = history.window(at, 30);
    const snapshots = [...window.snapshots];
    assert.equal(window.stepSeconds, step);
    assert.ok(
      snapshots.length >= 30 / step && snapshots.length <= 30 / step + 2,
      `${snapshots.length} steps of ${step} s`,
    );
    for (const snapshot of snapshots) {
      assert.deepEqual(snapshot, added.get(snapshot.takenAt));
      compared++;
    }
  }
  assert.ok(compared >= 64);
});

test('rules get the snapshots of the last ten seconds, devices at rest as the same objects', () => {
  const history = new History();
  for (let second = 0; second < 30; second++) history.add(hostAt(BEGIN + second));
  const { recent } = history;
  assert.deepEqual(
    recent.map(({ takenAt }) => takenAt - BEGIN),
    [19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29],
  );
  const ofFirst = new Set(recent.map(({ devices }) => devices[0]));
  assert.ok(ofFirst.size <= 2, 'one for each block of steps');
});

test('one device over half an hour: each second of the last minute, then fewer, no second twice', () => {
  const history = new History();
  const [first] = goldenSnapshot.devices;
  assert.ok(first);
  for (let second = 0; second < 1900; second++)
    history.add(hostAt(BEGIN + second, second < 1000 ? goldenSnapshot.devices : [{ ...first, queueLength: second }]));
  const steps = history.device(first.netns, first.name, BEGIN + 1899, 1800);
  const times = steps.map(({ takenAt }) => takenAt - BEGIN);
  assert.deepEqual(
    times,
    [...new Set(times)].sort((a, b) => a - b),
  );
  assert.deepEqual(
    times.slice(-61),
    Array.from({ length: 61 }, (_, index) => 1839 + index),
  );
  assert.ok((times[0] ?? 1900) <= 100 && times.length < 200);
  for (const { takenAt, device } of steps)
    assert.equal(device.queueLength, takenAt < BEGIN + 1000 ? first.queueLength : takenAt - BEGIN);
  assert.deepEqual(history.device(first.netns, 'tap404', BEGIN + 1899, 1800), []);
});

test('ten seconds of long ago lie between two steps, however far apart those are', () => {
  const history = new History();
  for (let second = 0; second < 1200; second++) history.add(hostAt(BEGIN + second));
  for (let at = 300; at < 1199; at += 7) {
    const times = [...history.window(BEGIN + at, 10).snapshots].map(({ takenAt }) => takenAt - BEGIN);
    const [first = 0, last = 0] = [times[0], times.at(-1)];
    assert.ok(times.length >= 2 && first <= at - 10 && last >= at && last <= at + 30, `${at}: ${times.join()}`);
  }
});

test('a time outside gets a sentence with the range there is', () => {
  const history = new History();
  const says = (at: number, leaves: RegExp): void =>
    assert.throws(
      () => history.window(at, 10),
      (error) => error instanceof OutsideHistory && leaves.test(error.message),
    );
  says(BEGIN, /^There is no history yet: the agent has just started\.$/);
  for (let second = 0; second < 60; second++) history.add(hostAt(BEGIN + second));
  const range = 'it reaches from 2026-11-18 11:06:40 UTC to 2026-11-18 11:07:39 UTC';
  says(BEGIN - 3600, new RegExp(`^There is no history of 2026-11-18 10:06:40 UTC: ${range}\\.$`));
  says(BEGIN + 3600, new RegExp(`^There is no history of 2026-11-18 12:06:40 UTC: ${range}\\.$`));
  says(BEGIN, /^The history begins at 2026-11-18 11:06:40 UTC, and has nothing earlier to compare with\.$/);
  assert.equal([...history.window(BEGIN + 61, 10).snapshots].at(-1)?.takenAt, BEGIN + 59);
});

test('where the clock is set back, the history begins anew', () => {
  const history = new History();
  for (let second = 0; second < 20; second++) history.add(hostAt(BEGIN + second));
  for (let second = 0; second < 5; second++) history.add(hostAt(BEGIN - 3600 + second));
  assert.deepEqual(history.span, { from: BEGIN - 3600, to: BEGIN - 3596 });
  assert.equal(history.recent.length, 5);
});

test('what does not fit is forgotten from its oldest end', () => {
  const history = new History(300_000);
  const random = randomOf(1);
  let { devices } = goldenSnapshot;
  for (let second = 0; second < 600; second++) {
    devices = laterDevices(devices, random);
    history.add(hostAt(BEGIN + second, devices));
  }
  assert.ok(history.bytes <= 300_000, `${history.bytes} bytes`);
  const { from = 0, to } = history.span ?? {};
  assert.equal(to, BEGIN + 599);
  assert.ok(from > BEGIN + 60 && from < BEGIN + 590, `from ${from - BEGIN}`);
});

test('devices that came and went leave their steps in memory, and nothing else', () => {
  setFlagsFromString('--expose-gc');
  const heap = (): number => {
    runInNewContext('gc')();
    return process.memoryUsage().heapUsed / 2 ** 20;
  };
  const [device] = goldenSnapshot.devices;
  if (!device) throw new Error('The golden host has no device.');
  const history = new History();
  const before = heap();
  for (let second = 0; second <= 300; second += 1) {
    const devices = Array.from({ length: 44 }, (_, tap) => ({
      ...device,
      id: `${second >> 1}.${tap}`,
      name: `tap${tap}`,
    }));
    history.add(hostAt(BEGIN + second, devices));
  }
  const grown = heap() - before;
  assert.ok(grown < 8, `${grown.toFixed(0)} MB for 6 600 devices, of which ${history.bytes / 2 ** 20} are counted`);
});
