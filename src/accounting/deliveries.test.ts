// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// When several queues show more than the kernel counts: what stands still, and what is marked for how long.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deliveries, type Proposal } from './deliveries.ts';

const QUIET = { counted: false, changed: false, drained: false };

/** A queue that shows `delivered` and would show `ahead` more. */
function queue(delivered: number, ahead: number): Proposal & { done: boolean } {
  const one = { delivered, ahead, done: false, deliver: () => (one.done = true), shift: () => undefined };
  return one;
}

function look(deliveries: Deliveries, queues: readonly Proposal[], most: number, more = {}): readonly string[] {
  deliveries.update(queues, { ...QUIET, most, ...more }, 0);
  return deliveries.sentences(3, 1);
}

test('one sample that is ahead of the kernel is a packet in a reader’s hands: it waits, and nothing is marked', () => {
  const deliveries = new Deliveries();
  const queues = [queue(10, 3), queue(20, 0)];
  assert.deepEqual(look(deliveries, queues, 32), []);
  assert.equal(queues[0]?.done, false);
  assert.deepEqual(look(deliveries, queues, 33), []);
  assert.equal(queues[0]?.done, true);
});

test('two samples that are ahead are told for a while after they end; of one queue never', () => {
  for (const others of [[queue(20, 0)], []]) {
    const deliveries = new Deliveries();
    const queues = [queue(10, 3), ...others];
    const shown = 10 + 20 * others.length;
    look(deliveries, queues, shown + 2);
    look(deliveries, queues, shown + 2);
    const after = look(deliveries, queues, shown + 3);
    if (others.length === 0) assert.deepEqual(after, []);
    else
      assert.match(
        after.join(),
        /^of single queues, up to 1 delivered packets may be another queue’s, the last \d+ s ago$/,
      );
  }
});

test('after queues joined or left, one sample is enough for the mark; where programs count, none is', () => {
  const moving = new Deliveries();
  look(moving, [queue(10, 3), queue(20, 0)], 32, { changed: true });
  assert.equal(look(moving, [queue(10, 3), queue(20, 0)], 33).length, 1);
  const counting = new Deliveries();
  const counted = { counted: true, changed: true };
  look(counting, [queue(10, 3), queue(20, 0)], 32, counted);
  assert.deepEqual(look(counting, [queue(10, 3), queue(20, 0)], 33, counted), []);
});
