// SPDX-License-Identifier: Apache-2.0
// Random sequences of everything that can happen to a tap's queues; at rest no packet is unexplained.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type AgentLab, imbalances, standingLab, totalsOf } from '../../lab/agent.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../lab/netns.ts';
import type { Puppet } from '../../lab/puppet.ts';
import { type Random, randomOf, seedOf } from '../../lab/random.ts';
import type { Device } from '../snapshot.ts';

/** SEQUENCES in the environment shortens or lengthens the test; with SEED=… SEQUENCES=1 one of them is repeated. */
const SEQUENCES = Number(process.env.SEQUENCES ?? 50);
const STEPS = 25;
const TAP = 'tap0';

interface World {
  readonly lab: NamespaceLab;
  readonly puppet: Puppet;
  readonly random: Random;
  readonly peer: string;
  /** Puppet's queues: attached or detached. */
  readonly queues: Map<string, 'attached' | 'detached'>;
  up: boolean;
  /** Truth. */
  sent: number;
  read: number;
  /** A queue left its index while packets lay in the rings: per queue the books need not balance until all is drained. */
  renumbered: boolean;
}

type Operation = (world: World) => Promise<void>;

const operations: readonly Operation[] = [
  send,
  send,
  send,
  async (world) => {
    const id = anyQueue(world, 'attached');
    if (id) world.read += (await world.puppet.read(id, 1 + world.random.below(40))).packets;
  },
  readAll,
  async ({ lab, random }) => void (await lab.ip(`link set dev ${TAP} txqueuelen ${1 + random.below(60)}`)),
  async ({ lab, random }) => void (await lab.ip(`link set dev ${TAP} txqueuelen ${60 + random.below(400)}`)),
  async (world) => {
    const id = anyQueue(world, 'attached') ?? anyQueue(world, 'detached');
    if (!id) return;
    world.renumbered = true;
    await world.puppet.close(id);
    world.queues.delete(id);
  },
  async (world) => {
    const id = ['a', 'b', 'c', 'd'].find((candidate) => !world.queues.has(candidate));
    if (!id) return;
    await world.puppet.open(id, TAP, 'tap', 'mq', 'persist');
    world.queues.set(id, 'attached');
  },
  async (world) => {
    await world.lab.ip(`link set dev ${TAP} ${world.up ? 'down' : 'up'}`);
    world.up = !world.up;
    // Down takes the neighbour along, without which a datagram waits for an answer to ARP.
    if (world.up) await world.lab.ip(`neigh replace ${world.peer} lladdr 02:00:00:00:00:01 dev ${TAP} nud permanent`);
  },
  async (world) => {
    const id = anyQueue(world, 'attached');
    if (!id) return;
    world.renumbered = true;
    await world.puppet.detach(id);
    world.queues.set(id, 'detached');
  },
  async (world) => {
    const id = anyQueue(world, 'detached');
    if (!id) return;
    await world.puppet.attach(id);
    world.queues.set(id, 'attached');
  },
];

async function send(world: World): Promise<void> {
  if (!world.up) return; // no route: ENETUNREACH before anything is sent
  const { sent } = await world.puppet.udp(world.peer, 9, 1 + world.random.below(300), 64, {
    flows: 1 + world.random.below(8),
  });
  world.sent += sent;
}

async function readAll(world: World): Promise<void> {
  for (const id of world.queues.keys()) world.read += (await world.puppet.read(id, 'all')).packets;
}

function anyQueue({ queues, random }: World, state: 'attached' | 'detached'): string | undefined {
  return random.pick([...queues].filter(([, is]) => is === state).map(([id]) => id));
}

async function check(world: World, agent: AgentLab): Promise<void> {
  const device = await agent.device(world.lab.inode, TAP);
  const link = await world.lab.link(TAP);
  const totals = totalsOf(device);
  const before = device.otherDropped?.reduce((sum, { packets }) => sum + packets, 0) ?? 0;
  const droppedInTun = Object.values(totals.dropped).reduce((sum, packets) => sum + packets, 0);
  assert.equal(totals.offered + before, world.sent, 'sent = offered + lost before tun');
  assert.equal(totals.offered, totals.enqueued + droppedInTun, 'offered = enqueued + dropped');
  assert.equal(link.txPackets, world.read, 'the lab reads what the kernel delivers');
  assert.deepEqual(imbalances(device), []);
  // It says so while it cannot tell, which is one snapshot longer than packets are in the rings.
  if (totals.waiting === 0 && !device.degraded.some((why) => why.includes('renumbered'))) world.renumbered = false;
  if (world.renumbered) return;
  assert.equal(totals.delivered, world.read, 'delivered = read');
  assert.deepEqual(unbalancedQueues(device), []);
}

function unbalancedQueues({ queues }: Device): readonly string[] {
  return queues.flatMap(({ index, counters, ring }) => {
    if (!counters) return [];
    const { enqueued = 0, delivered = 0, purged = 0, resized = 0, failed = 0 } = counters;
    const rest = enqueued - delivered - purged - resized - failed - (ring?.occupancy ?? 0);
    return rest === 0 ? [] : [`queue ${index}: ${rest}`];
  });
}

test(`${SEQUENCES} random sequences leave no packet unexplained`, { skip: noLab }, async (t) => {
  const seed = seedOf(t);
  const agent = await standingLab();
  for (let sequence = 0; sequence < SEQUENCES; sequence++) {
    await t.test(`SEED=${seed + sequence}`, async (t) => {
      const lab = await namespaceLab(t);
      const puppet = await lab.puppet();
      await puppet.open('a', TAP, 'tap', 'mq', 'persist');
      const world: World = {
        lab,
        puppet,
        random: randomOf(seed + sequence),
        peer: await lab.raise(TAP, 100),
        queues: new Map([['a', 'attached']]),
        up: true,
        sent: 0,
        read: 0,
        renumbered: false,
      };
      for (let step = 0; step < STEPS; step++) {
        await world.random.pick(operations)?.(world);
        await check(world, agent);
      }
      await readAll(world);
      await check(world, agent);
      await check(world, agent);
      assert.equal(world.renumbered, false, 'with empty rings every queue is known again');
    });
  }
});
