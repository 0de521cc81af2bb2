// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Frames that XDP redirects into a tap: equal to what was sent into the veth, what was read, and what `ip -s link` does not say.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type AgentLab, agentLab, imbalances, standingLab, totalsOf } from '../../test/agent/agent-lab.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';
import type { Device } from '../snapshot/device.ts';

const NOTHING = { offered: 0, enqueued: 0, dropped: {}, delivered: 0, purged: 0, resized: 0, failed: 0, waiting: 0 };

interface Scene {
  readonly lab: NamespaceLab;
  readonly agent: AgentLab;
  readonly testReader: TestReader;
  readonly device: () => Promise<Device>;
  /** Sends frames into ve0; they come in by ve1, and XDP redirects them into tap0. */
  readonly send: (frames: number) => Promise<void>;
}

/** The ring between the two ends of a veth holds 256. */
const MOST_AT_ONCE = 128;

type Test = Parameters<typeof namespaceLab>[0] & Parameters<typeof agentLab>[0];

async function scene(t: Test, ring: number, queues: readonly string[], ...mechanisms: string[]): Promise<Scene> {
  const lab = await namespaceLab(t);
  const agent = await (mechanisms.length > 0 ? agentLab(t, ...mechanisms) : standingLab());
  const testReader = await lab.testReader();
  const flags = queues.length > 1 ? (['persist', 'mq'] as const) : (['persist'] as const);
  for (const id of queues) await testReader.open(id, 'tap0', 'tap', ...flags);
  await lab.ipBatch([
    'link add ve0 type veth peer name ve1',
    `link set tap0 txqueuelen ${ring} up`,
    'link set ve0 up',
    'link set ve1 up',
  ]);
  await testReader.redirect('ve1', 'tap0');
  let sent = 0;
  return {
    lab,
    agent,
    testReader,
    device: () => agent.device(lab.inode, 'tap0'),
    send: async (frames) => {
      for (let left = frames; left > 0; left -= MOST_AT_ONCE) {
        const count = Math.min(left, MOST_AT_ONCE);
        assert.equal((await testReader.packet('ve0', count, 60)).sent, count);
        sent += count;
        // A softirq takes them out, which on a busy machine is put off to a thread.
        await until(async () => (await lab.link('ve1')).rxPackets >= sent);
      }
    },
  };
}

function redirectedOf({ queues }: Device): { readonly enqueued: number; readonly lost: number } {
  const sum = (value: 'enqueued' | 'lost'): number =>
    queues.reduce((total, { redirected }) => total + (redirected?.[value] ?? 0), 0);
  return { enqueued: sum('enqueued'), lost: sum('lost') };
}

async function assertExact(here: Scene, device: Device): Promise<void> {
  assert.deepEqual(imbalances(device), []);
  assert.deepEqual(device.degraded, []);
  const { lost } = redirectedOf(device);
  const { txDropped } = await here.lab.link('tap0');
  const uncounted = device.uncounted.find(({ cause }) => cause === 'redirect')?.packets;
  assert.equal(uncounted, lost - txDropped);
}

test('a ring that frames fill, that is read, that packets share', { skip: noLab }, async (t) => {
  const here = await scene(t, 40, ['a']);
  await here.send(100);
  const full = await here.device();
  assert.deepEqual(redirectedOf(full), { enqueued: 40, lost: 60 });
  assert.deepEqual(totalsOf(full), { ...NOTHING, enqueued: 40, waiting: 40 });
  await assertExact(here, full);

  assert.equal((await here.testReader.read('a', 'all')).packets, 40);
  await here.testReader.packet('tap0', 25, 60);
  await here.send(10);
  assert.equal((await here.testReader.read('a', 20)).packets, 20);
  const shared = await here.device();
  assert.deepEqual(redirectedOf(shared), { enqueued: 50, lost: 60 });
  assert.deepEqual(totalsOf(shared), { ...NOTHING, offered: 25, enqueued: 75, delivered: 60, waiting: 15 });
  assert.equal((await here.lab.link('tap0')).txPackets, 60);
  await assertExact(here, shared);
});

test('frames thrown out of the ring by a smaller txqueuelen and by its end', { skip: noLab }, async (t) => {
  const here = await scene(t, 50, ['a']);
  if (here.agent.mechanism('redirected') !== 'fexit') {
    t.skip('where functions cannot be traced, frames that are thrown out are not seen');
    return;
  }
  await here.send(30);
  await here.testReader.packet('tap0', 10, 60);
  await here.lab.ip('link set tap0 txqueuelen 20');
  const resized = await here.device();
  assert.deepEqual(totalsOf(resized), { ...NOTHING, offered: 10, enqueued: 40, resized: 20, waiting: 20 });
  await assertExact(here, resized);
  await here.testReader.close('a');
  const closed = await here.device();
  assert.deepEqual(totalsOf(closed), { ...NOTHING, offered: 10, enqueued: 40, resized: 20, purged: 20 });
  assert.deepEqual(redirectedOf(closed), { enqueued: 30, lost: 0 });
  await assertExact(here, closed);
});

for (const mechanism of ['fexit', 'raw-tracepoint']) {
  test(`two queues, by ${mechanism}: each frame in the queue of the CPU that redirected it`, {
    skip: noLab,
  }, async (t) => {
    const here = await scene(t, 1000, ['a', 'b'], `redirected=${mechanism}`);
    if (here.agent.mechanism('redirected') !== mechanism) {
      t.skip(`${mechanism} is refused here`);
      return;
    }
    await here.send(300);
    const read = [(await here.testReader.read('a', 'all')).packets, (await here.testReader.read('b', 'all')).packets];
    const device = await here.device();
    assert.deepEqual(
      device.queues.map(({ redirected }) => redirected?.enqueued ?? 0),
      read,
    );
    assert.deepEqual(redirectedOf(device), { enqueued: 300, lost: 0 });
    assert.equal(totalsOf(device).delivered, 300);
    await assertExact(here, device);
  });
}
