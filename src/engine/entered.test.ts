// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// What entered a ring is what was offered and not dropped; the newest packet counts when it has been there for a second.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Entered } from './entered.ts';

const ROW = 7;

/** One read: packets offered as it begins, then as the row is read, and those dropped of them. */
function read(entered: Entered, nowMs: number, began: number, offered: number, dropped: number): number {
  entered.begin(ROW, began, nowMs);
  return entered.update(ROW, offered, dropped, nowMs);
}

test('the newest packet may yet be dropped: it counts when it has been there for a second', () => {
  const entered = new Entered();
  assert.equal(read(entered, 0, 150, 150, 50), 99);
  assert.equal(entered.isPending(ROW), true);
  assert.equal(read(entered, 999, 150, 150, 50), 99);
  assert.equal(read(entered, 1000, 150, 150, 50), 100);
  assert.equal(entered.isPending(ROW), false);
});

test('when its drop is seen, there is nothing to wait for', () => {
  const entered = new Entered();
  assert.equal(read(entered, 0, 10, 11, 0), 10);
  assert.equal(read(entered, 1, 11, 11, 1), 10);
  assert.equal(entered.isPending(ROW), false);
});

test('what entered never goes down, though dropped is read later than offered', () => {
  const entered = new Entered();
  read(entered, 0, 100, 100, 0);
  assert.equal(read(entered, 1000, 100, 100, 0), 100);
  assert.equal(read(entered, 1001, 100, 120, 60), 100);
});

test('a row that was handed back begins with nothing', () => {
  const entered = new Entered();
  read(entered, 0, 100, 100, 0);
  entered.released(new Set([ROW]));
  assert.equal(read(entered, 1, 3, 3, 1), 1);
});

test('a drop of a packet whose offer was not seen any more takes nothing from those that come later', () => {
  const entered = new Entered();
  read(entered, 0, 100, 100, 0);
  assert.equal(read(entered, 1000, 100, 100, 0), 100);
  entered.restart();
  assert.equal(read(entered, 2001, 100, 100, 1), 99);
  assert.equal(read(entered, 2002, 101, 101, 1), 99);
  assert.equal(read(entered, 3002, 101, 101, 1), 100);
});
