// SPDX-License-Identifier: Apache-2.0
// One tap whose guests behind vhost-net come, go, stall, close and send, in an order that a seed decides; and the truth about it.
import { setTimeout as wait } from 'node:timers/promises';
import type { NamespaceLab } from '../host/netns.ts';
import type { Random } from '../host/random.ts';
import type { QueueFlag, TestReader } from '../test-reader/test-reader.ts';
import type { SourceOptions } from './traffic-scenario.ts';

export const DEVICE = 'tap0';

export interface Plan {
  readonly queues: number;
  readonly backpressure: boolean;
  readonly path: SourceOptions['path'];
  readonly threads: number;
  readonly ring: number;
}

export interface World {
  readonly lab: NamespaceLab;
  readonly testReader: TestReader;
  readonly random: Random;
  readonly plan: Plan;
  readonly flags: readonly QueueFlag[];
  readonly queues: Map<string, Queue>;
  /** Truth: packets that guests and readers got. */
  received: number;
  /** Frames from guests. */
  sent: number;
  /** A queue left its index, or its ring another size, while packets came. */
  renumbered: boolean;
  resized: boolean;
}

interface Queue {
  open: boolean;
  attached: boolean;
  guest: 'none' | 'receives' | 'stalls';
}

/** Packets per second (0: all), buffers at a time. */
const LIVES = [
  [0, 1],
  [0, 100],
  [4000, 1],
  [4000, 100],
  [500, 20],
] as const;
const WITHIN_MS = 60_000;

export async function worldOf(lab: NamespaceLab, random: Random, plan: Plan): Promise<World> {
  const testReader = await lab.testReader();
  const ids = Array.from({ length: plan.queues }, (_, index) => `q${index}`);
  const multi: readonly QueueFlag[] = plan.queues > 1 ? ['mq'] : [];
  const stopping: readonly QueueFlag[] = plan.backpressure ? ['backpressure'] : [];
  const flags: readonly QueueFlag[] = ['vnet', 'persist', ...multi, ...stopping];
  for (const id of ids) await testReader.open(id, DEVICE, 'tap', ...flags);
  await lab.ip(`link set dev ${DEVICE} txqueuelen ${plan.ring} up`);
  if (plan.path !== 'start_xmit') await lab.tc(`qdisc replace dev ${DEVICE} root ${plan.path}`);
  const queues = new Map(ids.map((id) => [id, { open: true, attached: true, guest: 'none' } as Queue]));
  const truth = { received: 0, sent: 0, renumbered: false, resized: false };
  const world: World = { lab, testReader, random, plan, flags, queues, ...truth };
  for (const id of ids) if (random.below(4) > 0) await come(world, id);
  return world;
}

/** Says what it did. */
export async function step(world: World): Promise<string> {
  const id = world.random.pick([...world.queues.keys()]) ?? '';
  const queue = queueOf(world, id);
  const { name, act } = world.random.pick(OPERATIONS.filter(({ can }) => can(queue, id))) ?? RESIZE;
  await act(world, id);
  return `${id} ${name}`;
}

interface Operation {
  readonly name: string;
  readonly can: (queue: Queue, id: string) => boolean;
  readonly act: (world: World, id: string) => Promise<void>;
}

const RESIZE: Operation = { name: 'has another ring', can: () => true, act: resize };

/** The first queue stays: a device without one has no carrier. */
const OPERATIONS: readonly Operation[] = [
  { name: 'receives', can: ({ guest }) => guest !== 'none', act: receive },
  { name: 'receives', can: ({ guest }) => guest === 'stalls', act: receive },
  { name: 'stalls', can: ({ guest }) => guest === 'receives', act: stall },
  { name: 'guest goes', can: ({ guest }) => guest !== 'none', act: go },
  { name: 'guest comes', can: ({ open, guest }) => open && guest === 'none', act: come },
  { name: 'guest comes', can: ({ open, guest }) => open && guest === 'none', act: come },
  { name: 'is read', can: ({ open, guest }) => open && guest === 'none', act: read },
  { name: 'sends', can: ({ attached, guest }) => attached && guest !== 'none', act: send },
  { name: 'leaves', can: ({ attached }, id) => attached && id !== 'q0', act: leave },
  { name: 'comes back', can: ({ attached }) => !attached, act: comeBack },
  { name: 'closes', can: ({ open }, id) => open && id !== 'q0', act: close },
  { name: 'waits', can: () => true, act: ({ random }) => wait(20 + random.below(150)) },
  RESIZE,
];

function queueOf({ queues }: World, id: string): Queue {
  const queue = queues.get(id);
  if (!queue) throw new Error(`There is no queue ${id}.`);
  return queue;
}

async function come(world: World, id: string): Promise<void> {
  await world.testReader.guest(id);
  queueOf(world, id).guest = 'stalls';
  if (world.random.below(3) > 0) await receive(world, id);
}

async function receive(world: World, id: string): Promise<void> {
  await stall(world, id);
  const [perSecond, lump] = world.random.pick(LIVES) ?? LIVES[0];
  await world.testReader.receive(id, perSecond, { lump });
  queueOf(world, id).guest = 'receives';
}

async function stall(world: World, id: string): Promise<void> {
  if (queueOf(world, id).guest !== 'receives') return;
  await world.testReader.stall(id);
  queueOf(world, id).guest = 'stalls';
}

/** vhost-net gives back what it holds. */
async function go(world: World, id: string): Promise<void> {
  if (queueOf(world, id).guest === 'none') return;
  await stall(world, id);
  world.received += (await world.testReader.unguest(id)).packets;
  queueOf(world, id).guest = 'none';
}

async function read(world: World, id: string): Promise<void> {
  world.received += (await world.testReader.read(id, 1 + world.random.below(100))).packets;
}

async function send(world: World, id: string): Promise<void> {
  const frames = 1 + world.random.below(200);
  const { posted, outstanding } = await world.testReader.send(id, frames, 60);
  if (posted !== frames || outstanding !== 0) throw new Error(`${outstanding} of ${posted} buffers did not come back.`);
  world.sent += frames;
}

/** The guest goes first, as QEMU has it. */
async function leave(world: World, id: string): Promise<void> {
  await go(world, id);
  world.renumbered = true;
  await world.testReader.detach(id);
  queueOf(world, id).attached = false;
}

async function comeBack(world: World, id: string): Promise<void> {
  const queue = queueOf(world, id);
  if (queue.open) await world.testReader.attach(id);
  else await world.testReader.open(id, DEVICE, 'tap', ...world.flags);
  Object.assign(queue, { open: true, attached: true });
}

async function close(world: World, id: string): Promise<void> {
  await go(world, id);
  world.renumbered = true;
  await world.testReader.close(id);
  Object.assign(queueOf(world, id), { open: false, attached: false });
}

async function resize(world: World): Promise<void> {
  world.resized = true;
  await world.lab.ip(`link set dev ${DEVICE} txqueuelen ${10 + world.random.below(1000)}`);
}

/** Guests and readers take all that is there, then the guests go. */
export async function drain(world: World): Promise<void> {
  for (const [id, { open, guest }] of world.queues) {
    if (!open) continue;
    await stall(world, id);
    if (guest === 'none') await world.testReader.guest(id);
    await world.testReader.receive(id, 0);
    queueOf(world, id).guest = 'receives';
  }
  await untilAtRest(world);
  for (const [id, { open }] of world.queues) {
    if (!open) continue;
    await go(world, id);
    world.received += (await world.testReader.read(id, 'all')).packets;
  }
}

/** The process is killed with its guests and with all that waits for them. */
export async function kill(world: World): Promise<void> {
  for (const id of world.queues.keys()) await stall(world, id);
  await untilAtRest(world); // buffers that were posted stay posted
  for (const [id, { guest }] of world.queues) {
    if (guest !== 'none') world.received += (await world.testReader.received(id)).packets;
  }
  await world.testReader.quit();
}

/** Nothing waits in a qdisc that is not stopped, and no packet came out for a while. */
async function untilAtRest({ lab }: World): Promise<void> {
  const deadline = performance.now() + WITHIN_MS;
  for (let before = -1; ; ) {
    const waiting = (await lab.qdisc(DEVICE)).reduce((sum, { backlogPackets }) => sum + backlogPackets, 0);
    const { txPackets } = await lab.link(DEVICE);
    if (waiting === 0 && txPackets === before) return;
    if (performance.now() > deadline) throw new Error(`${waiting} packets still wait in the qdisc.`);
    before = txPackets;
    await wait(300);
  }
}
