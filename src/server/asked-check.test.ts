// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietSnapshots } from '../../test/snapshots/quiet-host.ts';
import { devicesIn } from '../diagnosis/devices-in.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { checkAsked } from './asked-check.ts';
import { createObserver } from './observer.ts';

const LOAD = 'load 41';
/** Taps of a host of which the first went down while packets passed. */
const [FAULTY, SOUND] = ['tap0', 'tap1'];

/** Second by second until a second ago. */
function lastSeconds(): readonly Snapshot[] {
  const counters = { txPackets: 0, txBytes: 0, txDropped: 0, rxPackets: 0, rxBytes: 0, rxDropped: 0 };
  const goesDown = (second: number) => ({
    up: second < 4,
    counters: { ...counters, txPackets: 100 * Math.min(second, 4) },
  });
  const made = quietSnapshots([{ more: goesDown }, {}]);
  const later = Date.now() / 1000 - 1 - (made.at(-1)?.takenAt ?? 0);
  return made.map((snapshot) => ({ ...snapshot, takenAt: snapshot.takenAt + later }));
}

/** What is asked of the process that counts; `gives`: it answers. */
function host(gives: boolean) {
  const observer = createObserver();
  const seen = lastSeconds();
  const last = seen.at(-1) ?? assert.fail();
  for (const snapshot of seen) observer.see(snapshot);
  const calls: string[] = [];
  const takeSnapshot = (): Promise<Snapshot> => {
    calls.push('snapshot');
    return gives ? Promise.resolve({ ...last, takenAt: Date.now() / 1000 }) : new Promise(() => undefined);
  };
  return { calls, observer, takeSnapshot, ask: () => void calls.push('question') };
}

test('a device is looked at afresh, after what is read for questions alone was asked for', async () => {
  const one = host(true);
  const began = Date.now() / 1000;
  const { last, devices, inconclusive, ledger } = await checkAsked(one, { device: SOUND }, 1000);
  assert.deepEqual(one.calls, ['question', 'question', 'snapshot']);
  assert.ok(last.takenAt - began >= 0.5);
  assert.deepEqual(devices, devicesIn(last, { device: SOUND }));
  assert.deepEqual(inconclusive, []);
  assert.ok(ledger);
});

test('what was not looked at in time is never OK: it is judged by what was seen last, which is said', async () => {
  for (const load of [undefined, LOAD]) {
    const needed = { ...host(false), load: () => load };
    const { last, status, inconclusive } = await checkAsked(needed, { device: SOUND }, 600);
    assert.ok(Date.now() / 1000 - last.takenAt > 1);
    assert.equal(status, 'unknown');
    assert.deepEqual(inconclusive, [`there was no time for a fresh look (${load ?? 'the agent is late'})`]);
  }
});

test('a fault that is known is told at once where no CPU is free, and looked at again where some is', async () => {
  const starved = host(false);
  const { status } = await checkAsked({ ...starved, load: () => LOAD }, { device: FAULTY }, 20_000);
  assert.ok(status === 'critical' || status === 'warning', status);
  assert.deepEqual(starved.calls, ['question']);
  const free = host(true);
  await checkAsked(free, { device: FAULTY }, 600);
  assert.deepEqual(free.calls, ['question', 'question', 'snapshot']);
});

test('where no CPU is free, the snapshot of the next second is waited for, and no other taken', async () => {
  const starved = host(false);
  const [last] = starved.observer.history.recent.slice(-1);
  assert.ok(last);
  const next = setTimeout(() => starved.observer.see({ ...last, takenAt: Date.now() / 1000 }), 600);
  const { status, inconclusive } = await checkAsked({ ...starved, load: () => LOAD }, { device: SOUND }, 60_000);
  clearTimeout(next);
  assert.deepEqual([status, inconclusive], ['ok', []]);
  assert.deepEqual(starved.calls, ['question']);
});

test('a device that is not there is not waited for', async () => {
  await assert.rejects(
    checkAsked(host(true), { device: 'nosuch0' }, 20_000),
    /^Error: No tun, tap or macvtap device named nosuch0 is on this host/,
  );
});
