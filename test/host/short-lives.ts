// SPDX-License-Identifier: Apache-2.0
// Taps that are made, used and deleted at once, with the exact figures of those who used them.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { sumOf } from '../../src/engine/queue-sums.ts';
import type { Ended, EndedDevice } from '../../src/snapshot/deleted-devices.ts';
import { agentLabOf } from '../agent/agent-lab.ts';
import type { TestReader } from '../test-reader/test-reader.ts';
import { namesOf } from './checked-json.ts';
import { type NamespaceLab, namespaceLab } from './netns.ts';
import { until } from './until.ts';

const A_SECOND = 100;
/** Other tests may make taps meanwhile. */
const PREFIX = 'brief';
/** The default txqueuelen of a tap. */
const RING = 1000;
/** Each ends one device at a time, which waits for all CPUs. */
const READERS = 16;
/** So slowly that packets wait when the device is deleted. */
const READ_A_SECOND = 2000;
/** From the end of a device until its rows are given back. */
const COUNTED_WITHIN_MS = 20_000;

interface Figures {
  readonly devices: number;
  /** With those that lay in the qdisc as the device was deleted, for the sender cannot tell them. */
  readonly sent: number;
  readonly delivered: number;
  readonly fullRing: number;
  /** In the ring or in the qdisc. */
  readonly purged: number;
  readonly received: number;
  readonly badHeaders: number;
  /** undefined: refused writes are not measured here. */
  readonly refused: number | undefined;
  readonly unaccounted: number;
  readonly inexact: number;
}

type Test = Parameters<typeof namespaceLab>[0];

/** What the agent says of the taps is equal to what those say who sent, read and wrote. */
export async function assertShortLives(t: Test & Pick<TestContext, 'diagnostic'>, taps: number): Promise<void> {
  const lab = await namespaceLab(t);
  const agent = await agentLabOf(t, (device) => device.startsWith(PREFIX));
  const looks = new AbortController();
  const last = new Map<string, EndedDevice>();
  const look = async (): Promise<Ended | undefined> => {
    const { ended } = (await agent.snapshot()).agent;
    for (const device of ended?.latest ?? []) last.set(device.name, device);
    return ended;
  };
  const looking = lookEachSecond(look, looks.signal);
  const lived = new Map<string, Figures>();
  let told: Figures = { ...NOTHING, refused: agent.mechanism('refused') === 'fexit' ? 0 : undefined };
  const startMs = performance.now();
  const testReaders = await Promise.all(Array.from({ length: READERS }, () => lab.testReader()));
  let next = 0;
  const lives = async (testReader: TestReader): Promise<void> => {
    for (let tap = next++; tap < taps; tap = next++) {
      await wait(Math.max(0, startMs + (tap * 1000) / A_SECOND - performance.now()));
      const one = await oneLife(lab, testReader, tap);
      lived.set(`${PREFIX}${tap}`, one);
      told = plus(told, one);
    }
  };
  await Promise.all(testReaders.map(lives));
  const seconds = (performance.now() - startMs) / 1000;
  looks.abort();
  await looking;
  let ended = NOTHING;
  await until(async () => {
    ended = figuresOf(await look());
    return ended.devices >= taps;
  }, COUNTED_WITHIN_MS);
  t.diagnostic(`${(taps / seconds).toFixed(0)} taps a second: ${JSON.stringify(ended)}`);
  const { probes, eventsLost } = (await agent.snapshot()).agent;
  assert.deepEqual(
    eventsLost.filter(({ events }) => events > 0),
    [],
  );
  const skipped = (event: string): number => probes.find((probe) => probe.event === event)?.missed ?? 0;
  t.diagnostic(`runs that the kernel skipped: ${skipped('freed')} of freed, ${skipped('refused')} of refused`);
  for (const device of last.values()) {
    const { counts, name } = device;
    const one = lived.get(name);
    if (one && (offeredTo(counts) !== one.sent || counts.delivered !== one.delivered))
      t.diagnostic(`${name} sent ${one.sent}, delivered ${one.delivered}: ${JSON.stringify(device)}`);
  }
  assertEqualBut({ freed: skipped('freed'), refused: skipped('refused') }, ended, told);
  const why = [...last.values()].flatMap(({ name, degraded }) => degraded.map((one) => `${name}: ${one}`));
  assert.ok(why.length <= skipped('freed'), why.join('\n'));
  assertOwners([...last.values()], new Set(testReaders.map(({ pid }) => pid)));
}

/** A figure by the event whose program counts it. What a run of `freed` misses shows as an imbalance of its device. */
const COUNTED_BY: Partial<Record<keyof Figures, 'freed' | 'refused'>> = {
  delivered: 'freed',
  fullRing: 'freed',
  purged: 'freed',
  badHeaders: 'freed',
  unaccounted: 'freed',
  inexact: 'freed',
  refused: 'refused',
};

/**
 * Equal, but for at most as many packets as there were runs of our programs that the kernel skipped, which the agent
 * exports: a task that preempts such a program on its CPU cannot run it meanwhile (recursion_misses of bpf_prog_info).
 */
function assertEqualBut(skipped: { readonly freed: number; readonly refused: number }, ended: Figures, told: Figures) {
  const near = Object.fromEntries(
    namesOf(told).map((name) => {
      const [shown, expected] = [ended[name], told[name]];
      const by = COUNTED_BY[name];
      const isNear = by && shown !== undefined && expected !== undefined && Math.abs(shown - expected) <= skipped[by];
      return [name, isNear ? expected : shown];
    }),
  );
  assert.deepEqual(near, told);
}

/** The last devices are told one by one; of one that another process deletes the owner is known if it was seen. */
function assertOwners(devices: readonly EndedDevice[], pids: ReadonlySet<number>): void {
  assert.ok(devices.length > 0);
  for (const { name, owner, seenFor, livedAtMost = 0 } of devices) {
    assert.ok(livedAtMost > 0, name);
    const isDeleted = lifeOf(Number(name.slice(PREFIX.length))).deleted !== 'closed';
    if (owner || !isDeleted || (seenFor ?? 0) > 1) assert.ok(owner && pids.has(owner.pid), name);
  }
}

interface Life {
  readonly sent: number;
  readonly deleted: 'closed' | 'held' | 'read';
}

/** Every tenth overflows its ring; one is deleted while a process holds it, one while that reads. */
function lifeOf(tap: number): Life {
  if (tap % 10 === 3) return { sent: RING + 40, deleted: 'closed' };
  if (tap % 10 === 7) return { sent: 300, deleted: 'read' };
  return { sent: tap % 7, deleted: tap % 10 === 5 ? 'held' : 'closed' };
}

async function oneLife(lab: NamespaceLab, testReader: TestReader, tap: number): Promise<Figures> {
  const name = `${PREFIX}${tap}`;
  const { sent, deleted } = lifeOf(tap);
  await testReader.open('a', name, 'tap', 'vnet');
  await testReader.link(name, 'up');
  await testReader.running(name);
  const { written } = await testReader.write('a', 3, 100);
  const { errors } = await testReader.write('a', tap % 3, 100, { wrong: 'badheader' });
  const { sent: offered } = await testReader.packet(name, sent, 100);
  if (deleted === 'read') await testReader.readLoop('a', READ_A_SECOND);
  const before = deleted === 'read' ? 0 : (await testReader.read('a', Math.floor(sent / 2))).packets;
  if (deleted !== 'closed') await lab.ip(`link del ${name}`);
  const packets = deleted === 'read' ? (await testReader.stop('a')).packets : before;
  await testReader.close('a');
  const badHeaders = errors.EINVAL ?? 0;
  const fullRing = Math.max(0, sent - RING);
  return {
    ...NOTHING,
    devices: 1,
    sent: offered,
    delivered: packets,
    fullRing,
    purged: sent - fullRing - packets,
    received: written,
    badHeaders,
    refused: badHeaders,
  };
}

async function lookEachSecond(look: () => Promise<unknown>, ending: AbortSignal): Promise<void> {
  while (!ending.aborted) {
    await look();
    await wait(1000, undefined, { signal: ending }).catch(() => undefined);
  }
}

const NOTHING: Figures = {
  devices: 0,
  sent: 0,
  delivered: 0,
  fullRing: 0,
  purged: 0,
  received: 0,
  badHeaders: 0,
  refused: undefined,
  unaccounted: 0,
  inexact: 0,
};

/** With what was lost before tun. */
function offeredTo(counts: Ended['counts']): number {
  return (counts.offered ?? 0) + lostBefore(counts);
}

function lostBefore({ droppedBefore }: Ended['counts']): number {
  return sumOf(droppedBefore.map(({ packets }) => packets));
}

function figuresOf(ended: Ended | undefined): Figures {
  if (!ended) throw new Error('This agent does not count devices that have ended.');
  const { counts, seen, unseen, inexact } = ended;
  const lost = (wanted: string): number => counts.uncounted.find(({ cause }) => cause === wanted)?.packets ?? 0;
  const before = lostBefore(counts);
  return {
    devices: seen + unseen,
    sent: offeredTo(counts),
    delivered: counts.delivered,
    fullRing: counts.dropped.reduce((sum, { packets }) => sum + packets, 0),
    purged: lost('purged') + before,
    received: counts.received,
    badHeaders: lost('bad_header'),
    refused: counts.refused?.reduce((sum, { writes }) => sum + writes, 0),
    unaccounted: counts.unaccounted,
    inexact,
  };
}

function plus(one: Figures, other: Figures): Figures {
  const sum = (a: number | undefined, b = 0): number | undefined => (a === undefined ? undefined : a + b);
  return { ...one, ...Object.fromEntries(namesOf(NOTHING).map((name) => [name, sum(one[name], other[name])])) };
}
