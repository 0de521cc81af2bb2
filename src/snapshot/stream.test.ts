// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import type { Device } from './device.ts';
import { snapshotLine } from './json.ts';
import type { Snapshot } from './snapshot.ts';
import { SnapshotReader, SnapshotWriter } from './stream.ts';

/** What arrives of snapshots that are sent one after the other, and how many devices were in the lines of each. */
function sent(snapshots: readonly Snapshot[]): {
  readonly arrived: readonly Snapshot[];
  readonly devices: readonly number[];
} {
  const [writer, reader] = [new SnapshotWriter(), new SnapshotReader()];
  const lines = snapshots.map((snapshot) => [...writer.lines(snapshot)]);
  return {
    arrived: lines.map((own) => own.map((line) => reader.take(JSON.parse(line))).at(-1) ?? assert.fail()),
    devices: lines.map((own) => own.length - 1),
  };
}

const [first, second, third] = goldenSnapshot.devices;
assert.ok(first && second && third);
const of = (...devices: readonly Device[]): Snapshot => ({ ...goldenSnapshot, devices });

test('a snapshot arrives as it was', () => {
  const { arrived } = sent([goldenSnapshot]);
  assert.equal(snapshotLine(arrived[0] ?? assert.fail()), snapshotLine(goldenSnapshot));
});

test('a device that stands still is sent once, and stays the same object', () => {
  const { arrived, devices } = sent([of(first, second), of(first, second), of(first, { ...second, up: !second.up })]);
  assert.deepEqual(devices, [2, 0, 1]);
  const [a, b, c] = arrived.map((snapshot) => snapshot.devices);
  assert.equal(a?.[0], b?.[0]);
  assert.equal(a?.[0], c?.[0]);
  assert.equal(a?.[1], b?.[1]);
  assert.notEqual(a?.[1], c?.[1]);
});

test('devices that come, go and change their order keep who they are', () => {
  const rounds = [[first, second, third], [third, first], [], [second, third, first], [second]];
  const { arrived, devices } = sent(rounds.map((round) => of(...round)));
  assert.deepEqual(
    arrived.map((snapshot) => snapshot.devices.map(({ name }) => name)),
    rounds.map((round) => round.map(({ name }) => name)),
  );
  assert.deepEqual(devices, [3, 0, 0, 3, 0]);
});

test('what the agent says of itself is sent where it says something else', () => {
  const { agent } = goldenSnapshot;
  const said: readonly Snapshot['agent'][] = [
    agent,
    { ...agent, sheds: agent.sheds + 1, namespaceNames: new Map([[7, 'blue']]) },
    { ...agent, sheds: agent.sheds + 1 },
    { ...agent, sheds: agent.sheds + 1, hiddenDevices: 3 },
    agent,
  ];
  const snapshots = said.map((one) => ({ ...of(first), agent: one }));
  const { arrived } = sent(snapshots);
  assert.deepEqual(
    arrived.map((snapshot) => snapshotLine(snapshot)),
    snapshots.map((snapshot) => snapshotLine(snapshot)),
  );
  assert.equal(arrived[0]?.agent.probes, arrived[2]?.agent.probes);
  const writer = new SnapshotWriter();
  const bytes = [0, 0].map(() => [...writer.lines(of())].join('').length);
  assert.ok((bytes[1] ?? 0) < 100, `${bytes} bytes`);
});

test('a reader that is out of step says so', () => {
  const writer = new SnapshotWriter();
  const missed = [...writer.lines(of(first))];
  assert.equal(missed.length, 2);
  const late = new SnapshotReader();
  for (const line of writer.lines(of(first))) assert.throws(() => late.take(JSON.parse(line)), /do not follow/);
});
