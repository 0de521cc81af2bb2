// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientOf, createInFlight, createRateLimit } from './request-limits.ts';

/** A clock that the test moves. */
function clocked(intervalMs: number, burst: number) {
  const clock = { ms: 1000 };
  return { clock, limit: createRateLimit({ intervalMs, burst }, () => clock.ms) };
}

test('a burst at once, then one each interval, for each address alone', () => {
  const { clock, limit } = clocked(100, 3);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => limit.take('a')),
    [0, 0, 0, 0.1],
  );
  assert.equal(limit.take('b'), 0);
  clock.ms += 50;
  assert.equal(limit.take('a'), 0.05);
  clock.ms += 51;
  assert.equal(limit.take('a'), 0);
  assert.ok(limit.take('a') > 0);
  clock.ms += 1_000_000;
  assert.deepEqual(
    [1, 2, 3, 4].map(() => limit.take('a') > 0),
    [false, false, false, true],
  );
});

test('an interval of 0 is no limit', () => {
  const { limit } = clocked(0, 0);
  for (let asked = 0; asked < 1000; asked += 1) assert.equal(limit.take('a'), 0);
});

test('many addresses do not make it grow without end, and those that ask often are remembered', () => {
  const { limit } = clocked(1_000_000, 2);
  for (let asked = 0; asked < 50_000; asked += 1) {
    limit.take(`10.${asked}`);
    if (asked % 5000 === 0) limit.take('often');
  }
  assert.ok(limit.take('often') > 0);
  assert.equal(limit.take('10.1'), 0, 'forgotten');
  assert.equal(limit.take('10.49999'), 0);
  assert.ok(limit.take('10.49999') > 0);
});

test('places are limited, and one address gets half of them', () => {
  const inFlight = createInFlight(4, 'scrapes');
  const cut: string[] = [];
  const ask = (address: string) => inFlight.enter(address, () => cut.push(address));
  const enter = (address: string): (() => void) => {
    const leave = inFlight.enter(address, () => cut.push(address));
    assert.ok(typeof leave === 'function', String(leave));
    return leave;
  };
  const [, leave] = [enter('a'), enter('a')];
  assert.match(String(ask('a')), /^2 scrapes of this address are in progress/);
  enter('b');
  enter('c');
  assert.match(String(ask('b')), /^4 scrapes are in progress/);
  leave?.();
  enter('b');
  assert.equal(typeof ask('a'), 'string');
  assert.deepEqual(cut, []);
});

test('where all places are taken, a client without one gets the oldest of the client that has most', () => {
  const inFlight = createInFlight(4, 'scrapes');
  const cut: string[] = [];
  const ask = (address: string, name: string) => inFlight.enter(address, () => cut.push(name));
  for (const [address, name] of [
    ['a', 'a1'],
    ['b', 'b1'],
    ['b', 'b2'],
    ['a', 'a2'],
    ['c', 'c1'],
    ['d', 'd1'],
  ] as const)
    assert.equal(typeof ask(address, name), 'function', name);
  assert.deepEqual(cut.toSorted(), ['a1', 'b1']);
  assert.match(String(ask('e', 'e1')), /^4 scrapes are in progress/, 'all have one');
});

test('a host with many addresses of IPv6 is one client', () => {
  for (const [address, client] of [
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::1', '::1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    [undefined, undefined],
  ] as const)
    assert.equal(clientOf(address), client);
});

test('who has no address, as on a unix socket, is limited by the places alone', () => {
  const inFlight = createInFlight(4, 'scrapes');
  const leaves = Array.from({ length: 4 }, () => inFlight.enter(undefined, () => undefined));
  assert.deepEqual(
    leaves.map((leave) => typeof leave),
    Array(4).fill('function'),
  );
  assert.match(String(inFlight.enter(undefined, () => undefined)), /^4 scrapes are in progress/);
});
