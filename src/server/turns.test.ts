// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRequestThrottle } from './throttle.ts';

function busyFor(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('work takes turns and a quarter of the time, and lets everything else run in between', async () => {
  const turns = createRequestThrottle();
  let others = 0;
  const timer = setInterval(() => {
    others += 1;
  }, 1);
  const order: number[] = [];
  const began = performance.now();
  await Promise.all(
    Array.from({ length: 20 }, (_, number) =>
      turns(() => {
        busyFor(20);
        order.push(number);
      }),
    ),
  );
  clearInterval(timer);
  const tookMs = performance.now() - began;
  assert.deepEqual(
    order,
    Array.from({ length: 20 }, (_, number) => number),
  );
  // 400 ms of work, of which 250 ms are free and the last is not paid for yet.
  assert.ok(tookMs >= 4 * (380 - 250), `${tookMs} ms`);
  assert.ok(others >= 20, `${others}`);
});

test('work that fails keeps no other from its turn', async () => {
  const turns = createRequestThrottle();
  const failed = turns(() => Promise.reject(new Error('derailed')));
  const next = turns(() => 'made');
  await assert.rejects(failed, /derailed/);
  assert.equal(await next, 'made');
});
