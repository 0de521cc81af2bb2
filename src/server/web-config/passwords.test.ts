// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashSync } from 'bcrypt';
import { createPasswords } from './passwords.ts';

const users = new Map([
  // The hash is from the documentation of Prometheus's exporters; htpasswd made it.
  ['alice', '$2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze'],
  ['bob', hashSync('p\u{e4}ss:word', 10)],
]);

for (const [user, password, right] of [
  ['alice', 'alice123', true],
  ['alice', 'alice124', false],
  ['alice', '', false],
  ['bob', 'p\u{e4}ss:word', true],
  ['bob', 'alice123', false],
  ['mallory', 'alice123', false],
  ['', '', false],
] as const) {
  test(`"${user}" with "${password}" is ${right ? 'right' : 'wrong'}, and known from then on`, async () => {
    const passwords = createPasswords(users);
    assert.equal(passwords.known(user, password), undefined);
    assert.equal(await passwords.check(user, password), right);
    assert.equal(passwords.known(user, password), right);
    assert.equal(passwords.known(user, `${password}x`), undefined);
  });
}

async function timeMs(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

test('an unknown name takes as long as a known one', async () => {
  const passwords = createPasswords(users);
  const best = { known: Number.POSITIVE_INFINITY, unknown: Number.POSITIVE_INFINITY };
  const isSame = (): boolean => best.unknown / best.known > 0.7 && best.unknown / best.known < 1.4;
  // Other work on this machine makes a turn slower, never faster: the more turns, the nearer the best is to the true time.
  for (let turn = 0; turn < 5 || (turn < 40 && !isSame()); turn += 1) {
    best.known = Math.min(best.known, await timeMs(() => passwords.check('alice', `wrong${turn}`)));
    best.unknown = Math.min(best.unknown, await timeMs(() => passwords.check('unknown', `wrong${turn}`)));
  }
  assert.ok(isSame(), JSON.stringify(best));
});

test('checks hold up neither the process nor each other for long: one at a time, few in the queue', async () => {
  const passwords = createPasswords(users);
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 1);
  const verdicts = await Promise.all(Array.from({ length: 25 }, (_, index) => passwords.check('bob', `x${index}`)));
  clearInterval(timer);
  assert.deepEqual(verdicts, [...Array(20).fill(false), ...Array(5).fill(undefined)]);
  assert.ok(turns > 100, `${turns} turns`);
  assert.equal(await passwords.check('bob', 'p\u{e4}ss:word'), true);
});

test('the same question asked at once is computed once', async () => {
  const passwords = createPasswords(users);
  const one = await timeMs(() => passwords.check('alice', 'a'));
  const many = await timeMs(() => Promise.all(Array.from({ length: 50 }, () => passwords.check('alice', 'alice123'))));
  assert.ok(many < 10 * one, `${many} ms for fifty, ${one} ms for one`);
});

test('wrong guesses do not drive out right answers', async () => {
  const cheap = createPasswords(new Map([['carol', hashSync('right', 4)]]));
  assert.equal(await cheap.check('carol', 'right'), true);
  for (let guess = 0; guess < 300; guess += 1) await cheap.check('carol', `wrong${guess}`);
  assert.equal(cheap.known('carol', 'right'), true);
  assert.equal(cheap.known('carol', 'wrong0'), undefined, 'forgotten');
  assert.equal(cheap.known('carol', 'wrong299'), false);
});
