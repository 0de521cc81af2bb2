// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowedCpus } from '../kernel/process-text.ts';
import type { Worker } from '../snapshot/queue.ts';
import { WorkerAffinities } from './worker-affinity.ts';

const worker = (tid: number): Worker => ({ tid, comm: 'vhost-1', cpu: 0, seconds: 1 });
const device = (id: bigint, ...tids: readonly number[]) => ({
  id,
  queues: tids.map((tid) => ({ backend: { held: 0, outstanding: undefined, worker: worker(tid) } })),
});

test('a worker that is new is read at the next refresh, one that is known when all are, and none that is gone', async () => {
  const allowed = new Map([
    [7, '0-3'],
    [8, '1'],
  ]);
  const read: number[] = [];
  const affinities = new WorkerAffinities(async (tid) => {
    read.push(tid);
    return allowed.get(tid);
  });
  const of = (tid: number) => affinities.of(worker(tid))?.allowedCpus;
  affinities.see(device(1n, 7, 7));
  assert.equal(of(7), undefined);
  await affinities.refresh(false);
  assert.deepEqual([of(7), of(8), affinities.version], ['0-3', undefined, 1]);
  affinities.see(device(2n, 8));
  allowed.set(7, '2');
  await affinities.refresh(false);
  assert.deepEqual([of(7), of(8), read], ['0-3', '1', [7, 8]]);
  await affinities.refresh(true);
  assert.deepEqual([of(7), affinities.version], ['2', 3]);
  await affinities.refresh(true);
  assert.equal(affinities.version, 3, 'nothing changed');
  affinities.keepOnly(new Set([2n]));
  affinities.see(device(2n));
  await affinities.refresh(false);
  assert.deepEqual([of(7), of(8)], [undefined, undefined]);
  assert.equal(affinities.of(undefined), undefined);
});

test('of a real thread the kernel’s list is read', async () => {
  const affinities = new WorkerAffinities();
  affinities.see(device(1n, process.pid));
  await affinities.refresh(false);
  assert.equal(affinities.of(worker(process.pid))?.allowedCpus, await allowedCpus(process.pid));
  assert.match(affinities.of(worker(process.pid))?.allowedCpus ?? '', /^\d+([-,]\d+)*$/);
});
