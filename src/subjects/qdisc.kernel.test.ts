// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// What stands in qdiscs, equal to what tc says of them, and the part that holds it.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type AgentLab, standingLab } from '../../test/agent/agent-lab.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import type { QueueFlag, TestReader } from '../../test/test-reader/test-reader.ts';
import type { QdiscBacklog } from '../snapshot/device.ts';

/** Lets one small packet pass in some seconds. */
const SLOW = 'rate 100bit burst 200b limit 200000';
const SENT = 40;

interface Stage {
  readonly lab: NamespaceLab;
  readonly agent: AgentLab;
  readonly reader: TestReader;
  /** What it shows, once something stands. */
  readonly backlog: () => Promise<QdiscBacklog>;
}

async function stage(
  t: Parameters<typeof namespaceLab>[0],
  queues = 1,
  ...flags: readonly QueueFlag[]
): Promise<Stage> {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  const reader = await lab.testReader();
  for (let queue = 0; queue < queues; queue += 1) await reader.open(`q${queue}`, 'tap0', 'tap', ...flags);
  await lab.raise('tap0', 500);
  const backlog = async (): Promise<QdiscBacklog> => {
    let shown: QdiscBacklog | undefined;
    await until(async () => {
      shown = (await agent.device(lab.inode, 'tap0')).backlog;
      return (shown?.packets ?? 0) > 0;
    });
    assert.ok(shown);
    return shown;
  };
  return { lab, agent, reader, backlog };
}

/** As tc says of the qdisc with this handle. */
async function told({ lab }: Stage, handle: string) {
  const all: unknown = JSON.parse(await lab.tc('-j -s qdisc show dev tap0'));
  const one = (Array.isArray(all) ? all : []).find((qdisc: { readonly handle: string }) => qdisc.handle === handle);
  return { packets: one?.qlen, bytes: one?.backlog, dropped: one?.drops, requeues: one?.requeues };
}

function figures({ packets, bytes, dropped, requeues }: QdiscBacklog) {
  return { packets, bytes, dropped, requeues };
}

test('tbf: packets, bytes and drops as tc has them, and for how long they stand', { skip: noLab }, async (t) => {
  const one = await stage(t);
  await one.lab.tc('qdisc replace dev tap0 root handle 8: tbf rate 100bit burst 200b limit 2000');
  await one.reader.packet('tap0', SENT, 64);
  const shown = await one.backlog();
  assert.deepEqual(figures(shown), await told(one, '8:'));
  assert.ok(shown.dropped > 0, JSON.stringify(shown));
  assert.deepEqual([shown.holder?.kind, shown.holder?.handle, shown.holder?.packets], ['tbf', 0x8_0000, shown.packets]);
  await until(async () => (await one.backlog()).packetSeconds > shown.packetSeconds + shown.packets);
});

test('htb: the class that holds them, and its leaf', { skip: noLab }, async (t) => {
  const one = await stage(t);
  await one.lab.tc('qdisc replace dev tap0 root handle 1: htb default 16');
  await one.lab.tc('class add dev tap0 parent 1: classid 1:16 htb rate 8bit ceil 8bit burst 100b cburst 100b');
  await one.reader.packet('tap0', SENT, 64);
  const shown = await one.backlog();
  assert.deepEqual(figures(shown), await told(one, '1:'));
  assert.deepEqual([shown.holder?.kind, shown.holder?.handle, shown.holder?.class], ['htb', 0x1_0000, 0x1_0016]);
  await one.lab.tc('qdisc replace dev tap0 parent 1:16 handle 20: pfifo limit 100');
  await one.reader.packet('tap0', SENT, 64);
  const { holder } = await one.backlog();
  assert.deepEqual([holder?.kind, holder?.handle, holder?.class], ['pfifo', 0x20_0000, 0x1_0016]);
});

test('mq: the queue whose qdisc holds them', { skip: noLab }, async (t) => {
  const one = await stage(t, 3, 'mq');
  await one.reader.steer('q0', true);
  await one.lab.tc('qdisc replace dev tap0 root handle 1: mq');
  for (const queue of [0, 1, 2])
    await one.lab.tc(`qdisc replace dev tap0 parent 1:${queue + 1} handle 1${queue}: tbf ${SLOW}`);
  await one.reader.packet('tap0', SENT, 64, { queue: 1 });
  await one.reader.packet('tap0', 10, 64, { queue: 2 });
  const shown = await one.backlog();
  const [first, second] = [await told(one, '11:'), await told(one, '12:')];
  assert.equal(shown.packets, first.packets + second.packets);
  assert.equal(shown.bytes, first.bytes + second.bytes);
  assert.deepEqual([shown.holder?.kind, shown.holder?.handle, shown.holder?.queue], ['tbf', 0x11_0000, 1]);
});

test('one qdisc for all queues counts once', { skip: noLab }, async (t) => {
  const one = await stage(t, 3, 'mq');
  await one.lab.tc(`qdisc replace dev tap0 root handle 8: tbf ${SLOW}`);
  await one.reader.packet('tap0', SENT, 64);
  const shown = await one.backlog();
  assert.deepEqual(figures(shown), await told(one, '8:'));
  assert.equal(shown.holder?.queue, undefined);
});

test('a qdisc in which nothing can stand is not read', { skip: noLab }, async (t) => {
  const one = await stage(t);
  for (const qdisc of ['noqueue', 'pfifo_fast']) {
    await one.lab.tc(`qdisc replace dev tap0 root ${qdisc}`);
    await one.reader.packet('tap0', SENT, 64);
    assert.equal((await one.agent.device(one.lab.inode, 'tap0')).backlog, undefined, qdisc);
  }
  await one.lab.tc('qdisc replace dev tap0 root pfifo limit 10');
  const { backlog } = await one.agent.device(one.lab.inode, 'tap0');
  assert.deepEqual(backlog, { packets: 0, bytes: 0, dropped: 0, requeues: 0, packetSeconds: 0 });
});

test('a device that goes down holds nothing any more', { skip: noLab }, async (t) => {
  const one = await stage(t);
  await one.lab.tc(`qdisc replace dev tap0 root tbf ${SLOW}`);
  await one.reader.packet('tap0', SENT, 64);
  await one.backlog();
  await one.lab.ip('link set dev tap0 down');
  await until(async () => (await one.agent.device(one.lab.inode, 'tap0')).backlog === undefined);
});
