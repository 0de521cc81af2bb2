// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// The history of a ring, against arrivals whose answer is known: one packet after the other, from one CPU.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { agentLab, standingLab } from '../../test/agent/agent-lab.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';
import type { Observations, Overflow, RingHistory } from '../snapshot/queue.ts';

interface Scene {
  readonly reader: TestReader;
  send(packets: number): Promise<void>;
  history(): Promise<RingHistory>;
  overflow(): Promise<Overflow>;
  /** Packets that the kernel counts as dropped. */
  dropped(): Promise<number>;
}

async function scene(t: TestContext, ring: number, ...mechanisms: readonly string[]): Promise<Scene> {
  const lab = await namespaceLab(t);
  const agent = await (mechanisms.length > 0 ? agentLab(t, ...mechanisms) : standingLab());
  const reader = await lab.testReader();
  await reader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', ring);
  const sender = await lab.testReader();
  // Each CPU looks at every 128th packet of its own, and times every 256th.
  await lab.exec('taskset', '-a', '-p', '-c', '0', String(sender.pid));
  const history = async (): Promise<RingHistory> => {
    const { queues } = await agent.device(lab.inode, 'tap0');
    return queues[0]?.history ?? assert.fail('no history');
  };
  await agent.snapshot();
  return {
    reader,
    send: async (packets) => void (await sender.udp(peer, 9, packets, 64)),
    history,
    overflow: async () => (await history()).overflow ?? assert.fail('overflows are not measured'),
    dropped: async () => (await lab.link('tap0')).txDropped,
  };
}

/** Observations by bits of the value, without zeros. */
function seen(observations: Observations | undefined): Readonly<Record<number, number>> {
  return Object.fromEntries((observations?.buckets ?? []).map((count, bits) => [bits, count]).filter(([, n]) => n));
}

test('every 128th packet tells how full the ring was', { skip: noLab }, async (t) => {
  const { send, history } = await scene(t, 1000);
  await send(640);
  const { arrivals } = await history();
  assert.deepEqual(seen(arrivals), { 7: 1, 8: 1, 9: 2, 10: 1 });
  assert.equal(arrivals?.sum, 127 + 255 + 383 + 511 + 639);
});

test('every 256th how long it stayed there, where departures are seen', { skip: noLab }, async (t) => {
  await timed(t, await scene(t, 1000));
});

async function timed(t: TestContext, { send, history, reader }: Scene): Promise<void> {
  const began = performance.now();
  await send(768);
  await wait(300);
  await reader.read('a', 256);
  const half = performance.now() - began;
  await wait(300);
  await reader.read('a', 'all');
  const whole = performance.now() - began;
  const { sojourn } = await history();
  if (sojourn === undefined) return t.skip('this kernel does not tell when a packet is taken');
  const samples = Object.values(seen(sojourn)).reduce((sum, count) => sum + count, 0);
  assert.equal(samples, 3);
  const longest = half + 2 * whole;
  assert.ok(
    sojourn.sum / 1e6 >= 295 + 2 * 590 && sojourn.sum / 1e6 <= longest,
    `${sojourn.sum / 1e6} of ${longest} ms`,
  );
}

test('the ring that would have held an overflow', { skip: noLab }, async (t) => {
  const { send, overflow, dropped, reader } = await scene(t, 100);
  await send(250);
  const open = await overflow();
  assert.deepEqual([open.episodes, open.needed, open.openPackets], [0, 0, 150]);
  assert.ok(open.openSeconds > 0);
  await reader.read('a', 'all');
  // Where no exit is hooked, that the ring took the first of these is known when the second comes.
  await send(2);
  const first = await overflow();
  assert.deepEqual([first.episodes, first.needed, first.openPackets, first.openSeconds], [1, 250, 0, 0]);
  assert.deepEqual([seen(first.bursts), first.bursts.sum], [{ 8: 1 }, 150]);

  // A reader that never empties it: no ring size helps, and none is named.
  await send(150);
  for (let turn = 0; turn < 3; turn++) {
    await reader.read('a', 60);
    await send(200);
  }
  const lasting = await overflow();
  const lost = (await dropped()) - 150;
  assert.deepEqual([lasting.episodes, lasting.needed, lasting.openPackets], [1, 250, lost]);
  await reader.read('a', 'all');
  await send(2);
  const second = await overflow();
  assert.deepEqual([second.episodes, second.needed, second.openPackets], [2, 100 + lost, 0]);
  // The run of 150, then four more: each turn's reader ended one.
  assert.deepEqual(
    Object.values(seen(second.bursts)).reduce((sum, count) => sum + count, 0),
    5,
  );
  assert.equal(second.bursts.sum, 150 + lost);
});

test('how long each 256th stayed, where departures are seen only when a call ends', { skip: noLab }, async (t) => {
  await timed(t, await scene(t, 1000, 'departures=fexit'));
});
