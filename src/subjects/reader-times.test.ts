// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Seconds of a queue go on when its file is another, when it gets another index, and when no process has it open.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type ReaderRead, ReaderTimes, type SeenDevice } from './reader-times.ts';

const STATES = ['running', 'gone'];
const IFF_UP = 1;

function scene() {
  const slots = new Map<number, ReaderRead>();
  const unseen: ReaderRead = {
    lasting: true,
    born: 0,
    thread: undefined,
    seconds: [0, 0],
    uncertain: 0,
    waitingLooks: 0,
    rivals: [],
  };
  const times = new ReaderTimes({ states: STATES, read: (slot) => slots.get(slot) ?? unseen, isAsRead: () => false });
  const set = (slot: number, born: number, running: number): void =>
    void slots.set(slot, {
      lasting: true,
      born,
      thread: 7,
      seconds: [running, 0],
      uncertain: running / 10,
      waitingLooks: 0,
      rivals: [],
    });
  /** Running and gone by queue index; `queues`: their slots by index. */
  const update = (queues: Readonly<Record<number, number>>, id = 1n): Readonly<Record<number, readonly number[]>> => {
    const read = times.update(device(id, queues));
    return Object.fromEntries([...read].map(([index, { fullSeconds }]) => [index, fullSeconds.map((s) => s.seconds)]));
  };
  return { times, set, update };
}

function device(id: bigint, slots: Readonly<Record<number, number>>): SeenDevice {
  const queues = Object.entries(slots).map(([index, reader]) => ({ index: Number(index), detached: false, reader }));
  return { id, deviceFlags: IFF_UP, queues };
}

test('seconds grow, and another file of the same queue adds to them', () => {
  const { set, update } = scene();
  set(0, 100, 5);
  assert.deepEqual(update({ 0: 0 }), { 0: [5, 0] });
  set(0, 100, 6);
  assert.deepEqual(update({ 0: 0 }), { 0: [6, 0] });
  set(0, 200, 1); // the slot was given to another
  assert.deepEqual(update({ 0: 0 }), { 0: [7, 0] });
});

test('what is uncertain is a sum of its own', () => {
  const { times, set } = scene();
  set(0, 100, 5);
  times.update(device(1n, { 0: 0 }));
  set(0, 100, 8);
  assert.deepEqual(times.update(device(1n, { 0: 0 })).get(0), {
    thread: 7,
    fullSeconds: [
      { state: 'running', seconds: 8 },
      { state: 'gone', seconds: 0 },
    ],
    uncertainSeconds: 0.8,
  });
});

test('a file that gets another index adds there what is new', () => {
  const { set, update } = scene();
  set(0, 100, 5);
  set(1, 101, 2);
  assert.deepEqual(update({ 0: 0, 1: 1 }), { 0: [5, 0], 1: [2, 0] });
  set(1, 101, 3);
  assert.deepEqual(update({ 0: 1 }), { 0: [6, 0], 1: [2, 0] });
});

test('a device that no process has open any more has lost its reader', async () => {
  const { set, update } = scene();
  set(0, 100, 5);
  update({ 0: 0 });
  await wait(20);
  const [running, gone = 0] = update({})[0] ?? [];
  assert.equal(running, 5);
  assert.ok(gone > 0.01 && gone < 2, `${gone}`);
});

test('devices that never had one show nothing, and those that are gone are forgotten', () => {
  const { times, set, update } = scene();
  assert.deepEqual(update({}), {});
  set(0, 100, 5);
  update({ 0: 0 }, 2n);
  times.forget(new Set([1n]));
  assert.deepEqual(update({}, 2n), {});
});
