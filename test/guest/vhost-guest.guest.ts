// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// Guests behind the real vhost-net: what they received is what the kernel and Prometheus count, both ways, to the packet.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Agent, type Metrics, standingAgent } from '../agent/serve-process.ts';
import { namesOf } from '../host/checked-json.ts';
import type { QdiscCounters } from '../host/counters.ts';
import { type NamespaceLab, namespaceLab } from '../host/netns.ts';
import { pktgenIn } from '../host/pktgen-threads.ts';
import { until } from '../host/until.ts';
import type { GuestCounts, TestReader } from '../test-reader/test-reader.ts';
import { isWhole } from '../whole.ts';
import { allCombinations, coveringSelection } from './covering.ts';
import { neverStops } from './doctor-report.ts';
import { figuresOf, total, type VhostFigures, vhostFiguresOf } from './figures.ts';

/** How a guest behind vhost-net takes what its tap gets: at full speed, at a rate, in lumps, not at all, for a while. */
interface GuestLife {
  readonly begin?: (testReader: TestReader, id: string) => Promise<void>;
  /** Called when half of the packets have come. */
  readonly during?: (testReader: TestReader, id: string) => Promise<void>;
  /** Whether the guest takes what is left in the end; else the packets stay where they are. */
  readonly drains: boolean;
}

const PER_SECOND = 4000;

const GUEST_LIVES = {
  fast: { begin: (testReader, id) => testReader.receive(id, 0), drains: true },
  slow: { begin: (testReader, id) => testReader.receive(id, PER_SECOND), drains: true },
  lumpy: { begin: (testReader, id) => testReader.receive(id, PER_SECOND, { lump: 100 }), drains: true },
  stalled: { begin: (testReader, id) => testReader.offer(id, 100), drains: false },
  'stalled for a while': { begin: (testReader, id) => testReader.receive(id, 0), during: stallForAWhile, drains: true },
} as const satisfies Readonly<Record<string, GuestLife>>;

type GuestLifeName = keyof typeof GUEST_LIVES;

const GUEST_LIFE_NAMES: readonly GuestLifeName[] = namesOf(GUEST_LIVES);

async function stallForAWhile(testReader: TestReader, id: string): Promise<void> {
  await testReader.stall(id);
  await wait(200);
  await testReader.receive(id, 0);
}

const DEVICE = 'tap0';
const RING = 500;
const BATCH = 64;
const PACKETS = 12_000;
const FRAMES = 1000;
/** Packets that the qdiscs may hold together: slow guests would take long to get more. */
const LIMIT = 1000;

/** pktgen into the device itself, which drops what is too much; or through a qdisc, which alone may drop (Linux 7.3). */
type FlowControl = 'tail-drop' | 'backpressure';

interface Truth {
  /** Packets that the source tried to hand to the device. */
  readonly tried: number;
  readonly refused: number;
  /** Packets still in the qdisc. */
  readonly backlog: number;
  /** Packets that the guests received, by queue. */
  readonly received: Readonly<Record<string, number>>;
  /** Read off the queues after the guests had gone. */
  readonly left: Readonly<Record<string, number>>;
}

interface Stage {
  readonly lab: NamespaceLab;
  readonly testReader: TestReader;
  readonly ids: readonly string[];
  readonly flowControl: FlowControl;
}

async function stageOf(t: TestContext, queues: number, flowControl: FlowControl): Promise<Stage> {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  const ids = Array.from({ length: queues }, (_, index) => `q${index}`);
  const flags = [
    ...(queues > 1 ? (['mq'] as const) : []),
    ...(flowControl === 'backpressure' ? (['backpressure'] as const) : []),
  ];
  for (const id of ids) await testReader.open(id, DEVICE, 'tap', 'vnet', ...flags);
  await lab.ip(`link set dev ${DEVICE} txqueuelen ${RING} up`);
  if (flowControl === 'backpressure') {
    if (queues > 1) await lab.tc(`qdisc replace dev ${DEVICE} root handle 1: mq`);
    for (const index of ids.keys())
      await lab.tc(
        `qdisc replace dev ${DEVICE} ${queues > 1 ? `parent 1:${index + 1}` : 'root'} fq_codel limit ${LIMIT / queues}`,
      );
  }
  for (const id of ids) await testReader.guest(id);
  return { lab, testReader, ids, flowControl };
}

/** Guests come, packets flow both ways, and in the end everything rests; with `leave` the guests go while rings are full. */
async function play(stage: Stage, life: GuestLife, leave: boolean): Promise<Truth> {
  const { lab, testReader, ids, flowControl } = stage;
  const generator = (await pktgenIn(lab)).add({
    device: DEVICE,
    threads: 1,
    queues: ids.length,
    mode: flowControl === 'tail-drop' ? 'start_xmit' : 'queue_xmit',
    shared: flowControl === 'tail-drop',
  });
  for (const id of ids) await life.begin?.(testReader, id);
  await generator.start();
  await generator.tried(PACKETS / 2);
  for (const id of ids) {
    const { posted, outstanding } = await testReader.send(id, FRAMES / ids.length, 60);
    assert.deepEqual({ posted, outstanding }, { posted: FRAMES / ids.length, outstanding: 0 });
    await life.during?.(testReader, id);
  }
  await generator.tried(PACKETS);
  const { sofar, errors } = await generator.stop();
  if (!leave && life.drains) await drain(stage, sofar);
  const got = leave
    ? await countsAfterLeaving(testReader, ids, life)
    : { received: byQueue(await countsAtRest(stage)), left: {} };
  if (flowControl === 'tail-drop') return { tried: sofar + errors, refused: errors, backlog: 0, ...got };
  const { sent, dropped, backlog } = await behindQdisc(lab);
  const tried = sofar + errors - dropped - backlog;
  // A packet that left the qdisc and met a stopped queue is in both figures: one for each stopped queue.
  assert.ok(
    sent >= tried && sent <= tried + Math.min(backlog, ids.length),
    `${sent} sent by the qdisc, ${tried} left it`,
  );
  return { tried, refused: 0, backlog, ...got };
}

async function behindQdisc(lab: NamespaceLab): Promise<{ sent: number; dropped: number; backlog: number }> {
  const leaves = (await lab.qdisc(DEVICE)).filter(({ kind }) => kind !== 'mq');
  const sum = (value: (one: QdiscCounters) => number): number => leaves.reduce((total, one) => total + value(one), 0);
  return {
    sent: sum(({ sentPackets }) => sentPackets),
    dropped: sum(({ dropped }) => dropped),
    backlog: sum(({ backlogPackets }) => backlogPackets),
  };
}

/** vhost-net shows a guest up to a batch of packets at once, a moment after the kernel has counted the last of them. */
async function countsAtRest({ lab, testReader, ids }: Stage): Promise<readonly GuestCounts[]> {
  const { txPackets } = await lab.link(DEVICE);
  const read = (): Promise<readonly GuestCounts[]> => Promise.all(ids.map((id) => testReader.received(id)));
  await until(async () => (await read()).reduce((sum, { packets }) => sum + packets, 0) === txPackets);
  return read();
}

async function drain({ lab, testReader, ids, flowControl }: Stage, packets: number): Promise<void> {
  for (const id of ids) {
    await testReader.stall(id);
    await testReader.receive(id, 0);
  }
  const handed = async (): Promise<number> => {
    if (flowControl === 'tail-drop') return packets;
    const { sent, backlog } = await behindQdisc(lab);
    return backlog > 0 ? Number.POSITIVE_INFINITY : sent;
  };
  while ((await lab.link(DEVICE)).txPackets < (await handed())) await wait(20);
  for (const id of ids) await testReader.stall(id);
}

async function countsAfterLeaving(
  testReader: TestReader,
  ids: readonly string[],
  life: GuestLife,
): Promise<Pick<Truth, 'received' | 'left'>> {
  const counts: GuestCounts[] = [];
  const left: GuestCounts[] = [];
  for (const id of ids) {
    if (life.drains) await testReader.stall(id);
    counts.push(await testReader.unguest(id));
    left.push({ ...(await testReader.read(id, 'all')), posted: 0 });
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
  if (stage.flowControl === 'backpressure') judgeStops(metrics, lab.inode, truth.backlog);
}

/** Compares vhost-net's figures with the truth, in packets by queue. */
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

/** Every stop has an end, or goes on. */
function judgeStops(metrics: Metrics, netns: number, backlog: number): void {
  const sum = (name: string): number =>
    total(metrics.by('queue', `tapscope_queue_${name}`, { netns: String(netns), device: DEVICE }));
  if (backlog > 0) assert.ok(sum('stopped') > 0, 'packets wait for a queue that is stopped');
  const ended = sum('wakes_total') + sum('stops_unwoken_total') + sum('stopped');
  assert.deepEqual([sum('stops_total') + sum('stops_inferred_total'), sum('wakes_lost_total')], [ended, 0]);
}

const DIMENSIONS = {
  flowControl: ['tail-drop', 'backpressure'],
  life: [...GUEST_LIFE_NAMES, 'gone with full rings'],
  queues: [1, 2, 4],
} as const;

const scenarios = allCombinations(DIMENSIONS, ({ queues }) => isWhole || queues !== 2);
const chosen = isWhole ? scenarios : coveringSelection(scenarios);

for (const flowControl of DIMENSIONS.flowControl)
  test(`guests behind vhost-net, ${flowControl}`, { skip: flowControl === 'backpressure' && neverStops }, async (t) => {
    const agent = await standingAgent();
    for (const { life, queues } of chosen.filter((one) => one.flowControl === flowControl))
      await t.test(`${life}, queues: ${queues}`, async (t) => {
        const leave = life === 'gone with full rings';
        const stage = await stageOf(t, queues, flowControl);
        await judge(agent, stage, await play(stage, GUEST_LIVES[leave ? 'slow' : life], leave));
      });
  });
