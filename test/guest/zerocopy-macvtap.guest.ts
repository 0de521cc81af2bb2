// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// Zero-copy transmit of guests behind a macvtap: attempts, the reason of each copy, and completions, against what the guest sent and the kernel counted.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { allowedCpus } from '../../src/kernel/process-text.ts';
import { type Agent, type Metrics, startAgent } from '../agent/serve-process.ts';
import { type NamespaceLab, namespaceLab } from '../host/netns.ts';
import { run } from '../host/run.ts';
import { until } from '../host/until.ts';
import { loadVhost } from '../host/zerocopy-parameter.ts';
import type { TestReader } from '../test-reader/test-reader.ts';

const LARGE = 1000;
const SMALL = 100;
/** Entries of the guest's ring; a quarter of them may be out, and one more. */
const ENTRIES = 256;
/** To which test/test-reader sends. */
const MAC = '02:00:00:00:00:01';

interface Here {
  readonly lab: NamespaceLab;
  readonly testReader: TestReader;
  /** The macvtap's own labels. */
  readonly labels: Readonly<Record<string, string>>;
}

/** A guest on the macvtap vtap0, whose lower device is of that kind; the other end of a veth is ve0. */
async function guestOver(t: TestContext, kind: 'dummy' | 'veth' | 'tap'): Promise<Here> {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  if (kind === 'tap') await testReader.open('b', 'lower0', 'tap');
  else await lab.ip(`link add lower0 type ${kind}${kind === 'veth' ? ' peer name ve0' : ''}`);
  await lab.ipBatch([
    'link set lower0 up',
    ...(kind === 'veth' ? ['link set ve0 up'] : []),
    `link add link lower0 name vtap0 address ${MAC} type macvtap mode bridge`,
    'link set vtap0 up',
  ]);
  await testReader.open('a', 'vtap0', 'macvtap', 'vnet');
  await testReader.guest('a', { entries: ENTRIES });
  return { lab, testReader, labels: { netns: String(lab.inode), device: 'vtap0', queue: '0' } };
}

async function figures(agent: Agent, { labels }: Here): Promise<unknown> {
  const metrics = await agent.metrics();
  const causes = metrics.by('cause', 'tapscope_zerocopy_not_attempted_packets_total', labels);
  return {
    tried: metrics.value('tapscope_zerocopy_attempts_total', labels),
    completed: metrics.by('copied', 'tapscope_zerocopy_completed_total', labels),
    notTried: Object.fromEntries(Object.entries(causes).filter(([, packets]) => packets > 0)),
    outstanding: metrics.value('tapscope_zerocopy_outstanding_packets', labels),
  };
}

/** The agent learns of a module that comes after it, and then of its devices. */
async function untilSeen(agent: Agent, { labels }: Here): Promise<void> {
  await until(async () => (await agent.metrics()).value('tapscope_vhost_held_packets', labels) !== undefined);
}

test('zero-copy is on', async (t) => {
  await loadVhost(true);
  t.after(() => loadVhost(false));
  const agent = await startAgent(t, ['--budget=off']);
  await t.test('large packets to a device that lets go of them are not copied, small ones at once', async (t) => {
    const here = await guestOver(t, 'dummy');
    await untilSeen(agent, here);
    await here.testReader.send('a', 500, LARGE, { unicast: true });
    const { outstanding } = await here.testReader.send('a', 300, SMALL, { unicast: true });
    assert.equal(outstanding, 0);
    assert.deepEqual(
      [(await here.lab.link('vtap0')).txPackets, (await here.lab.link('lower0')).txPackets],
      [800, 800],
      'by the kernel’s own count',
    );
    assert.deepEqual(await figures(agent, here), {
      tried: 500,
      completed: { no: 500, yes: 0 },
      notTried: { small: 300 },
      outstanding: 0,
    });
    await here.testReader.unguest('a');
  });
  await t.test('what another device receives is copied after all, and soon seldom tried', async (t) => {
    const here = await guestOver(t, 'veth');
    await untilSeen(agent, here);
    await here.testReader.send('a', 2048, LARGE, { unicast: true });
    const metrics = await agent.metrics();
    const tried = metrics.value('tapscope_zerocopy_attempts_total', here.labels) ?? 0;
    const causes = metrics.by('cause', 'tapscope_zerocopy_not_attempted_packets_total', here.labels);
    const { throttled = 0, pending = 0, ...others } = causes;
    assert.deepEqual(metrics.by('copied', 'tapscope_zerocopy_completed_total', here.labels), { no: 0, yes: tried });
    assert.deepEqual(others, { small: 0, flush: 0, other: 0 });
    assert.equal(tried + throttled + pending, 2048);
    // As of a tap: the kernel tries one packet of 64, for each was copied.
    assert.ok(tried >= 2048 / 64 && tried <= 2048 / 8, `${tried} tried`);
    await here.testReader.unguest('a');
  });
  await t.test('packets that are held up are outstanding, and a quarter of the ring at most', async (t) => {
    const here = await guestOver(t, 'dummy');
    await untilSeen(agent, here);
    // None is out before this qdisc goes, with what it holds: however slow the VM is.
    await here.lab.tc('qdisc replace dev lower0 root netem delay 200s limit 10000');
    const most = ENTRIES / 4 + 1;
    const { outstanding } = await here.testReader.send('a', 500, LARGE, { unicast: true, waitMs: 6000 });
    assert.equal(outstanding, most);
    const held = { tried: most, completed: { no: 0, yes: 0 }, notTried: { pending: 500 - most }, outstanding: most };
    assert.deepEqual(await figures(agent, here), held);
    await here.lab.tc('qdisc del dev lower0 root');
    const done = { ...held, completed: { no: most, yes: 0 }, outstanding: 0 };
    await until(async () => JSON.stringify(await figures(agent, here)) === JSON.stringify(done));
    assert.deepEqual(await figures(agent, here), done);
    await here.testReader.unguest('a');
  });
  await t.test('on a device that takes no memory of others vhost-net copies all: it has no such series', async (t) => {
    const here = await guestOver(t, 'tap');
    await untilSeen(agent, here);
    await here.testReader.send('a', 200, LARGE, { unicast: true });
    assert.equal((await here.lab.link('vtap0')).txPackets, 200);
    const none = { tried: undefined, completed: {}, notTried: {}, outstanding: undefined };
    assert.deepEqual(await figures(agent, here), none);
    await here.testReader.unguest('a');
  });
  await t.test('what vhost-net took out of the ring is held until the guest has room, by its worker', async (t) => {
    const here = await guestOver(t, 'veth');
    await untilSeen(agent, here);
    assert.equal((await here.testReader.packet('ve0', 10, SMALL, { unicast: true })).sent, 10);
    const waiting = (metrics: Metrics) =>
      ['tapscope_vhost_held_packets', 'tapscope_ring_occupancy_packets'].map((name) =>
        metrics.value(name, here.labels),
      );
    // It takes what is there when it looks, and the others stay in the ring until the guest has taken that.
    await until(async () => (waiting(await agent.metrics())[0] ?? 0) > 0);
    const metrics = await agent.metrics();
    const [held = 0, inRing = 0] = waiting(metrics);
    assert.equal(held + inRing, 10);
    assert.ok(held > 0);
    assert.deepEqual(metrics.by('comm', 'tapscope_vhost_worker_info', here.labels), {
      [`vhost-${here.testReader.pid}`]: 1,
    });
    const [tid = ''] = Object.keys(metrics.by('tid', 'tapscope_vhost_worker_info', here.labels));
    const mayRunOn = async () =>
      (await agent.metrics()).by('cpus', 'tapscope_vhost_worker_affinity_info', { ...here.labels, tid });
    const allowed = (await allowedCpus(Number(tid))) ?? '';
    await until(async () => Object.keys(await mayRunOn())[0] === allowed);
    assert.deepEqual(await mayRunOn(), { [allowed]: 1 });
    await run('taskset', ['--pid', '--cpu-list', '0', tid]);
    await until(async () => Object.keys(await mayRunOn())[0] === '0');
    assert.deepEqual(await mayRunOn(), { 0: 1 });
    await here.testReader.offer('a', 10);
    await until(async () => (await here.testReader.received('a')).packets === 10);
    assert.equal((await here.testReader.received('a')).packets, 10);
    assert.deepEqual(waiting(await agent.metrics()), [0, 0]);
    const of = { netns: String(here.lab.inode), device: 'vtap0' };
    assert.equal((await agent.metrics()).value('tapscope_macvtap_delivered_packets_total', of), 10);
    await here.testReader.unguest('a');
  });
  await agent.stop();
});
