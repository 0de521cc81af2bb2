// SPDX-License-Identifier: Apache-2.0
// Guests behind the real vhost-net: what they received is what the kernel and Prometheus count, both ways, to the packet.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type NamespaceLab, namespaceLab } from '../netns.ts';
import { pktgenIn } from '../pktgen.ts';
import type { GuestCounts, Puppet } from '../puppet.ts';
import { type Agent, standingAgent } from '../serve.ts';
import { until } from '../until.ts';
import { figuresOf, total } from './figures.ts';
import { GUEST_LIVES, type GuestLife } from './guest-lives.ts';
import { type VhostFigures, vhostFiguresOf } from './vhost-figures.ts';

const DEVICE = 'tap0';
const RING = 500;
const BATCH = 64;
const PACKETS = 12_000;
const FRAMES = 1000;

interface Truth {
  readonly tried: number;
  readonly refused: number;
  /** By queue. */
  readonly received: Readonly<Record<string, number>>;
  /** Read off the queues after the guests had gone. */
  readonly left: Readonly<Record<string, number>>;
}

interface Stage {
  readonly lab: NamespaceLab;
  readonly puppet: Puppet;
  readonly ids: readonly string[];
}

async function stageOf(t: TestContext, queues: number): Promise<Stage> {
  const lab = await namespaceLab(t);
  const puppet = await lab.puppet();
  const ids = Array.from({ length: queues }, (_, index) => `q${index}`);
  for (const id of ids) await puppet.open(id, DEVICE, 'tap', 'vnet', ...(queues > 1 ? (['mq'] as const) : []));
  await lab.ip(`link set dev ${DEVICE} txqueuelen ${RING} up`);
  for (const id of ids) await puppet.guest(id);
  return { lab, puppet, ids };
}

/** Guests come, packets flow both ways, and in the end everything rests; with `leave` the guests go while rings are full. */
async function play({ lab, puppet, ids }: Stage, life: GuestLife, leave: boolean): Promise<Truth> {
  const generator = (await pktgenIn(lab)).add({
    device: DEVICE,
    threads: 1,
    queues: ids.length,
    mode: 'start_xmit',
    shared: true,
  });
  for (const id of ids) await life.begin?.(puppet, id);
  await generator.start();
  await generator.tried(PACKETS / 2);
  for (const id of ids) {
    const { posted, outstanding } = await puppet.send(id, FRAMES / ids.length, 60);
    assert.deepEqual({ posted, outstanding }, { posted: FRAMES / ids.length, outstanding: 0 });
    await life.during?.(puppet, id);
  }
  await generator.tried(PACKETS);
  const { sofar, errors } = await generator.stop();
  const sent = { tried: sofar + errors, refused: errors };
  if (leave) return { ...sent, ...(await countsAfterLeaving(puppet, ids, life)) };
  if (life.drains) await drain(lab, puppet, ids, sofar);
  return { ...sent, received: byQueue(await countsAtRest({ lab, puppet, ids })), left: {} };
}

/** vhost-net shows a guest up to a batch of packets at once, a moment after the kernel has counted the last of them. */
async function countsAtRest({ lab, puppet, ids }: Stage): Promise<readonly GuestCounts[]> {
  const { txPackets } = await lab.link(DEVICE);
  const read = (): Promise<readonly GuestCounts[]> => Promise.all(ids.map((id) => puppet.received(id)));
  await until(async () => (await read()).reduce((sum, { packets }) => sum + packets, 0) === txPackets);
  return read();
}

async function drain(lab: NamespaceLab, puppet: Puppet, ids: readonly string[], packets: number): Promise<void> {
  for (const id of ids) {
    await puppet.stall(id);
    await puppet.receive(id, 0);
  }
  while ((await lab.link(DEVICE)).txPackets < packets) await wait(20);
  for (const id of ids) await puppet.stall(id);
}

async function countsAfterLeaving(
  puppet: Puppet,
  ids: readonly string[],
  life: GuestLife,
): Promise<Pick<Truth, 'received' | 'left'>> {
  const counts: GuestCounts[] = [];
  const left: GuestCounts[] = [];
  for (const id of ids) {
    if (life.drains) await puppet.stall(id);
    counts.push(await puppet.unguest(id));
    left.push({ ...(await puppet.read(id, 'all')), posted: 0 });
  }
  return { received: byQueue(counts), left: byQueue(left) };
}

function byQueue(counts: readonly GuestCounts[]): Readonly<Record<string, number>> {
  return Object.fromEntries(counts.map(({ packets }, index) => [index, packets]));
}

async function judge(agent: Agent, stage: Stage, truth: Truth): Promise<void> {
  const { lab, ids } = stage;
  const { tried, refused, received, left } = truth;
  for (let snapshot = 0; snapshot < 3; snapshot++) await agent.metrics();
  const metrics = await agent.metrics();
  const figures = figuresOf(metrics, lab.inode, DEVICE);
  const link = await lab.link(DEVICE);
  assert.equal(total(received) + total(left), link.txPackets, 'the guests and the kernel agree');
  assert.deepEqual([figures.offered, total(figures.dropped), link.txDropped], [tried, refused, refused]);
  assert.equal(link.rxPackets, FRAMES - (FRAMES % ids.length), 'what the guests sent');
  assert.deepEqual([figures.imbalances, figures.degraded], [{}, 0]);
  const held = tried - refused - link.txPackets - figures.waiting - figures.overflowed;
  assert.ok(held >= 0 && held <= BATCH * ids.length, `${held} packets are nowhere`);
  const taken = Object.fromEntries(ids.map((_, index) => [index, (received[index] ?? 0) + (left[index] ?? 0)]));
  assert.deepEqual(figures.delivered, taken);
  judgeVhost(vhostFiguresOf(metrics, lab.inode, DEVICE), stage, { ...truth, held });
}

/** In packets, by queue. */
function judgeVhost(figures: VhostFigures, { ids }: Stage, truth: Truth & { readonly held: number }): void {
  const indices = ids.map((_, index) => String(index));
  const gone = Object.keys(truth.left).length > 0;
  assert.equal(total(figures.held), truth.held);
  assert.deepEqual(Object.keys(figures.held), gone ? [] : indices, 'vhost-net is connected, or not any more');
  const { unproduced, consumed, batches } = figures;
  if (!gone) assert.equal(total(unproduced), 0);
  if (!consumed) return;
  const delivered = total(truth.received) + total(truth.left);
  assert.equal(total(consumed.read) + total(consumed.vhost), delivered + truth.held + total(unproduced));
  assert.deepEqual(consumed.read, { ...Object.fromEntries(indices.map((index) => [index, 0])), ...truth.left });
  assert.deepEqual([batches.sum, batches.count], [consumed.vhost, batches.all]);
  for (const [index, count] of Object.entries(batches.count))
    assert.ok(count * BATCH >= (consumed.vhost[index] ?? 0), 'no batch is larger than 64');
}

test('guests behind vhost-net', async (t) => {
  const agent = await standingAgent();
  for (const queues of [1, 2, 4]) {
    for (const [name, life] of Object.entries(GUEST_LIVES)) {
      await t.test(`${name}, queues: ${queues}`, async (t) => {
        const stage = await stageOf(t, queues);
        await judge(agent, stage, await play(stage, life, false));
      });
    }
    await t.test(`gone with full rings, queues: ${queues}`, async (t) => {
      const stage = await stageOf(t, queues);
      await judge(agent, stage, await play(stage, GUEST_LIVES.slow, true));
    });
  }
});
