// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Processes that had the CPU while a reader waited are named by their share of the samples, and by owner.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietHost } from '../../test/snapshots/quiet-host.ts';
import type { Rival } from '../snapshot/queue.ts';
import { judge } from './judge.ts';

const IDENTITY = { program: '', vm: '', uuid: '', runtime: '', container: '', pod: '', unit: '' };
const STATES = ['running', 'waiting'];

/** Each second's looks: so many, and those of each rival; before the window as many of each again. */
function evidence(waitingLooks: number, rivals: readonly Rival[]): string {
  const at = (second: number) => ({
    thread: 2219,
    fullSeconds: STATES.map((state) => ({ state, seconds: state === 'waiting' ? 0.9 * second : 0 })),
    waitingLooks: 100 + waitingLooks * second,
    rivals: rivals.map((rival) => ({ ...rival, looks: 100 + rival.looks * second })),
  });
  const queue = {
    ...{ delivered: 500, lost: 500, occupancy: 1000, episodes: 0, full: { waiting: 0.9 } },
    more: (second: number) => ({ reader: at(second) }),
  };
  const [finding] = judge(quietHost([{ queues: [queue] }])).findings;
  assert.equal(finding?.rule, 'reader-starved', finding?.cause);
  for (const line of finding.evidence) assert.ok(line.length <= 150, line);
  return finding.evidence.find((line) => line.includes('its CPU')) ?? '';
}

const ffmpeg: Rival = { pid: 4711, comm: 'ffmpeg', looks: 12, identity: { ...IDENTITY, unit: 'transcode.service' } };

test('a unit, and what has no name but its own', () => {
  const gone: Rival = { pid: 4712, comm: 'make', looks: 6, identity: undefined };
  assert.equal(
    evidence(20, [gone, ffmpeg]),
    'had its CPU while it waited, of 200 samples: ffmpeg (pid 4711, unit transcode.service) in 60 %, make (pid 4712) in 30 %',
  );
});

test('a VM comes before its unit', () => {
  const vm: Rival = { ...ffmpeg, comm: 'CPU 0/KVM', identity: { ...IDENTITY, vm: 'db1', unit: '101.scope' } };
  assert.match(evidence(20, [vm]), /: CPU 0\/KVM \(pid 4711, VM db1\) in 60 %$/);
});

test('a VM without a name is called by its UUID', () => {
  const vm: Rival = { ...ffmpeg, comm: 'CPU 0/KVM', identity: { ...IDENTITY, uuid: '0c1e', unit: '101.scope' } };
  assert.match(evidence(20, [vm]), /: CPU 0\/KVM \(pid 4711, VM 0c1e\) in 60 %$/);
});

test('few samples, and a rare one, name nothing', () => {
  assert.equal(evidence(0, [ffmpeg]), '');
  assert.equal(evidence(20, [{ ...ffmpeg, looks: 1 }]), '');
});
