// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { until } from '../../../test/host/until.ts';
import { onEndingSignal } from './ending-signal.ts';

/** This process gets it, and all that listen have heard it. */
async function get(signal: NodeJS.Signals): Promise<void> {
  const waits = setInterval(() => undefined, 1000); // a listener keeps no loop alive
  const heard = once(process, signal);
  process.kill(process.pid, signal);
  await heard;
  clearInterval(waits);
}

test('a signal that comes twice is one, also where it was taken back meanwhile; two seconds later it has its default again', async () => {
  const heard: string[] = [];
  const off = onEndingSignal(['SIGUSR2', 'SIGHUP'], (name) => heard.push(name));
  await get('SIGUSR2');
  off();
  await get('SIGUSR2');
  await get('SIGHUP');
  assert.deepEqual(heard, ['SIGUSR2']);
  assert.equal(process.listenerCount('SIGUSR2'), 1);
  await until(() => process.listenerCount('SIGUSR2') + process.listenerCount('SIGHUP') === 0);
  assert.equal(process.listenerCount('SIGUSR2') + process.listenerCount('SIGHUP'), 0);
});

test('one that was not heard is taken back at once', () => {
  const off = onEndingSignal(['SIGUSR2'], () => assert.fail());
  assert.equal(process.listenerCount('SIGUSR2'), 1);
  off();
  assert.equal(process.listenerCount('SIGUSR2'), 0);
});
