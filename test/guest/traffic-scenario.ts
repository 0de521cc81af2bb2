// SPDX-License-Identifier: Apache-2.0
// One tap under full load, and the truth about it: what the sender, the readers, `ip -s link` and `tc -s` counted.
import type { QdiscCounters } from '../host/counters.ts';
import type { NamespaceLab } from '../host/netns.ts';
import { DEVICE, LIVES, type Life, type LifeName, RING, type Stage } from './lives.ts';
import { type Sent, type SourceOptions, sourceOf } from './source.ts';

export interface Scenario extends Omit<SourceOptions, 'device'> {
  readonly life: LifeName;
}

/** Packets. */
export interface Truth extends Sent {
  /** Packets that the readers read, by queue. */
  readonly read: Readonly<Record<string, number>>;
  readonly failed: number;
  /** What the qdisc gave to the device; undefined: there was none. */
  readonly passed: number | undefined;
  readonly droppedByQdisc: number;
  /** Counters of `ip -s link`. */
  readonly txPackets: number;
  readonly txDropped: number;
}

/** Runs until the device is at rest. `halfway` is called while packets move. */
export async function play(lab: NamespaceLab, scenario: Scenario, halfway: () => Promise<void>): Promise<Truth> {
  const life: Life = LIVES[scenario.life];
  const stage = await setUp(lab, scenario, life);
  const source = await sourceOf(lab, { device: DEVICE, ...scenario });
  if (source.steers && scenario.queues > 1) await stage.testReader.steer('q0', true);
  await life.before?.(stage);
  if (life.rate !== undefined) for (const id of stage.queues) await stage.testReader.readLoop(id, life.rate);
  await source.start();
  await source.tried(source.packets / 2);
  await life.during?.(stage);
  await halfway();
  await source.tried(source.packets);
  const sent = await source.stop();
  const qdisc = scenario.path === 'fq_codel' ? await qdiscAtRest(lab, scenario.path) : undefined;
  await stopReading(stage, life);
  const link = await lab.link(DEVICE);
  await life.after?.(stage);
  const { read, failed } = stage;
  const { sentPackets: passed, dropped: droppedByQdisc = 0 } = qdisc ?? {};
  return { ...sent, read, failed, passed, droppedByQdisc, txPackets: link.txPackets, txDropped: link.txDropped };
}

async function setUp(lab: NamespaceLab, { path, queues }: Scenario, { flags = [] }: Life): Promise<Stage> {
  const testReader = await lab.testReader();
  const ids = Array.from({ length: queues }, (_, index) => `q${index}`);
  const multi = queues > 1 ? (['mq'] as const) : [];
  for (const id of ids) await testReader.open(id, DEVICE, 'tap', 'persist', ...multi, ...flags);
  await lab.ip(`link set dev ${DEVICE} txqueuelen ${RING} up`);
  if (path !== 'start_xmit') await lab.tc(`qdisc replace dev ${DEVICE} root ${path}`);
  return { lab, testReader, queues: ids, read: Object.fromEntries(ids.map((_, index) => [index, 0])), failed: 0 };
}

/** What lies in the qdisc is on its way: tun takes or drops everything at once. */
async function qdiscAtRest(lab: NamespaceLab, kind: string): Promise<QdiscCounters> {
  for (let before = ''; ; ) {
    const qdisc = (await lab.qdisc(DEVICE)).find((one) => one.kind === kind);
    const now = JSON.stringify(qdisc);
    if (qdisc?.backlogPackets === 0 && now === before) return qdisc;
    before = now;
  }
}

async function stopReading({ testReader, queues, read }: Stage, { rate, rest }: Life): Promise<void> {
  if (rate === undefined) return;
  for (const [index, id] of queues.entries()) {
    const looped = await testReader.stop(id);
    const left = rest === 'waiting' ? 0 : (await testReader.read(id, 'all')).packets;
    read[index] = (read[index] ?? 0) + looped.packets + left;
  }
}
