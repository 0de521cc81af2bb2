// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { shareSnapshots } from './shared-snapshot.ts';

/** Snapshots that end when the test says so; `takenAt` is the number of the one begun. */
function manual() {
  const pending: { readonly succeed: () => void; readonly fail: () => void }[] = [];
  const take = () =>
    new Promise<Snapshot>((resolve, reject) => {
      const takenAt = pending.length;
      pending.push({
        succeed: () => resolve({ ...goldenSnapshot, takenAt }),
        fail: () => reject(new Error(`snapshot ${takenAt} failed`)),
      });
    });
  return { pending, share: shareSnapshots(take) };
}

test('one that asks while a snapshot runs gets the next one, with all others that asked meanwhile', async () => {
  const { pending, share } = manual();
  const first = share();
  const others = [share(), share(), share()];
  assert.equal(pending.length, 1);
  pending[0]?.succeed();
  assert.equal((await first).takenAt, 0);
  await setImmediate();
  assert.equal(pending.length, 2);
  const late = share();
  pending[1]?.succeed();
  assert.deepEqual(
    (await Promise.all(others)).map(({ takenAt }) => takenAt),
    [1, 1, 1],
  );
  await setImmediate();
  assert.equal(pending.length, 3);
  pending[2]?.succeed();
  assert.equal((await late).takenAt, 2);
});

test('one after the other take one each', async () => {
  const { pending, share } = manual();
  for (const number of [0, 1, 2]) {
    const snapshot = share();
    pending[number]?.succeed();
    assert.equal((await snapshot).takenAt, number);
  }
});

test('a failure reaches the requests that shared it, and no others', async () => {
  const { pending, share } = manual();
  const first = share();
  const second = share();
  const third = share();
  pending[0]?.fail();
  await assert.rejects(first, { message: 'snapshot 0 failed' });
  await setImmediate();
  pending[1]?.fail();
  await assert.rejects(second, { message: 'snapshot 1 failed' });
  await assert.rejects(third, { message: 'snapshot 1 failed' });
  const fourth = share();
  pending[2]?.succeed();
  assert.equal((await fourth).takenAt, 2);
});

test('what throws at once is a failure too', async () => {
  const share = shareSnapshots(() => {
    throw new Error('no walker');
  });
  await assert.rejects(share(), { message: 'no walker' });
  await assert.rejects(share(), { message: 'no walker' });
});
