// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// What a guest sends by the real vhost-net: batches, packets too large for one, and headers that tun cannot follow.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { type AgentLab, standingLab } from '../agent/agent-lab.ts';
import { type NamespaceLab, namespaceLab } from '../host/netns.ts';
import type { TestReader } from '../test-reader/test-reader.ts';

interface Scene {
  readonly lab: NamespaceLab;
  readonly agent: AgentLab;
  readonly testReader: TestReader;
}

const DEVICE = 'tap0';

async function scene(t: TestContext, ...ids: readonly string[]): Promise<Scene> {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  const testReader = await lab.testReader();
  for (const id of ids) await testReader.open(id, DEVICE, 'tap', 'vnet', ...(ids.length > 1 ? (['mq'] as const) : []));
  await lab.ip(`link set dev ${DEVICE} up`);
  for (const id of ids) await testReader.guest(id, { buffer: 16_384 });
  assert.equal(agent.mechanism('receive-batches'), 'fexit');
  assert.equal(agent.mechanism('refused'), 'fexit');
  return { lab, agent, testReader };
}

/** All of them, for vhost-net has given the buffers back. */
async function send({ testReader }: Scene, id: string, ...words: Tail<Parameters<TestReader['send']>>): Promise<void> {
  const { posted, outstanding } = await testReader.send(id, ...words);
  assert.deepEqual({ posted, outstanding }, { posted: words[0], outstanding: 0 });
}

type Tail<List extends readonly unknown[]> = List extends [unknown, ...infer Rest] ? Rest : never;

test('batches of two queues hold every packet that their guests sent', async (t) => {
  const here = await scene(t, 'a', 'b');
  await send(here, 'a', 640, 60);
  await send(here, 'b', 100, 60, { batch: 1 });
  const { queues, counters, receive } = await here.agent.device(here.lab.inode, DEVICE);
  assert.deepEqual(
    queues.map(({ receiveBatches }) => receiveBatches?.sum),
    [640, 100],
  );
  const [many, single] = queues.map(({ receiveBatches }) => receiveBatches?.buckets ?? []);
  const countOf = (buckets: readonly number[] = []): number => buckets.reduce((all, count) => all + count, 0);
  // A kick may find the worker still at the one before: then both go in one batch, which never exceeds 64.
  assert.ok(countOf(many) >= 10 && countOf(many) <= 640, `${many}`);
  assert.ok(countOf(single) >= 2 && countOf(single) <= 100, `${single}`);
  assert.equal(many?.at(-1), 0);
  assert.equal(counters?.rxPackets, 740);
  assert.equal((await here.lab.link(DEVICE)).rxPackets, 740);
  assert.deepEqual(receive?.dropped, []);
  assert.deepEqual(
    receive?.refused?.filter(({ writes }) => writes > 0),
    [],
  );
});

test('a lone packet is a batch of one', async (t) => {
  const here = await scene(t, 'a');
  await send(here, 'a', 1, 60);
  const { queues } = await here.agent.device(here.lab.inode, DEVICE);
  assert.deepEqual(queues[0]?.receiveBatches?.buckets, [1, 0, 0, 0, 0, 0, 0, 0]);
});

test('packets too large for a batch arrive, and are refused by a device that is down', async (t) => {
  const here = await scene(t, 'a');
  await send(here, 'a', 5, 8000);
  await here.lab.ip(`link set dev ${DEVICE} down`);
  await send(here, 'a', 3, 8000);
  const { queues, counters, receive } = await here.agent.device(here.lab.inode, DEVICE);
  assert.equal(counters?.rxPackets, 5);
  assert.equal(queues[0]?.receiveBatches, undefined);
  assert.deepEqual(
    receive?.refused?.filter(({ writes }) => writes > 0),
    [{ errno: 'EIO', writes: 3 }],
  );
  assert.deepEqual(receive?.dropped, [{ reason: 'DEV_READY', location: 'tun_get_user', packets: 3 }]);
});

test('headers that tun cannot follow: in a batch nothing names the device but the call', async (t) => {
  const here = await scene(t, 'a', 'b');
  const lost = async () => (await here.agent.snapshot()).agent.eventsLost;
  const lostBefore = await lost();
  await send(here, 'b', 70, 60);
  await send(here, 'a', 200, 60, { badHeader: true });
  await send(here, 'a', 50, 60);
  const { counters, receive, uncounted } = await here.agent.device(here.lab.inode, DEVICE);
  assert.equal(counters?.rxPackets, 120);
  assert.equal(receive?.frameErrors, 200);
  assert.deepEqual(receive?.dropped, [{ reason: 'NOT_SPECIFIED', location: 'tun_sendmsg', packets: 200 }]);
  assert.equal(uncounted.find(({ cause }) => cause === 'bad_header')?.packets, 200);
  assert.deepEqual(await lost(), lostBefore);
});
