// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import v8 from 'node:v8';
import vm from 'node:vm';
import { shareChunks } from './shared-chunks.ts';

/** Counts what was made of it, and whether it was given up. */
function source(count: number, bytes: number) {
  const state = { made: 0, ended: false };
  async function* chunks(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for (; state.made < count; state.made += 1) yield Buffer.alloc(bytes, state.made % 256);
    } finally {
      state.ended = true;
    }
  }
  return { state, chunks: chunks() };
}

test('every reader gets the whole page, and it is made once', async () => {
  const { state, chunks } = source(50, 10);
  const read = shareChunks(chunks);
  const pages = await Promise.all([buffer(read()), buffer(read()), buffer(read())]);
  assert.equal(state.made, 50);
  const whole = Buffer.concat(Array.from({ length: 50 }, (_, index) => Buffer.alloc(10, index)));
  for (const page of pages) assert.ok(page.equals(whole));
});

test('chunks are made when the fastest reader asks, and a slow one does not hold it up', async () => {
  const { state, chunks } = source(50, 10);
  const read = shareChunks(chunks);
  const [fast, slow] = [read(), read()];
  await slow.next();
  assert.equal(state.made, 0, 'made on demand');
  for (let taken = 0; taken < 20; taken += 1) await fast.next();
  assert.equal(state.made, 19);
  assert.equal((await slow.next()).value?.[0], 1);
  assert.equal((await buffer(fast)).length, 300);
  assert.equal((await buffer(slow)).length, 480);
});

test('what all readers have is not kept', async () => {
  v8.setFlagsFromString('--expose-gc');
  const collect: () => void = vm.runInNewContext('gc');
  const { chunks } = source(200, 1_000_000);
  const reader = shareChunks(chunks)();
  let most = 0;
  for (let taken = 0; taken < 200; taken += 1) {
    await reader.next();
    if (taken % 20 !== 19) continue;
    await setImmediate();
    collect();
    await setImmediate();
    most = Math.max(most, process.memoryUsage().arrayBuffers);
  }
  assert.ok(most < 30_000_000, `${most} bytes of chunks are kept`);
});

test('when one goes the others read on; when all went the rest is not made', async () => {
  const { state, chunks } = source(50, 10);
  const read = shareChunks(chunks);
  const [one, other] = [read(), read()];
  await one.next();
  await one.return();
  assert.ok(!state.ended);
  await other.next();
  await other.return();
  assert.ok(state.ended && state.made < 50);
});

test('an error reaches every reader', async () => {
  async function* broken(): AsyncGenerator<Buffer, void, undefined> {
    yield Buffer.alloc(1);
    throw new Error('the page broke');
  }
  const read = shareChunks(broken());
  for (const reader of [read(), read()]) await assert.rejects(buffer(reader), { message: 'the page broke' });
});
