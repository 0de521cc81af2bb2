// SPDX-License-Identifier: Apache-2.0
// The tun driver comes after the agent, stays while it is watched, or goes and comes again; and an agent that comes late.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { readHost } from '../../src/kernel/host.ts';
import { PROBE_SYMBOLS } from '../../src/probes/attach.ts';
import { PriceMeter } from '../../src/probes/price.ts';
import { agentLab } from '../agent.ts';
import { namespaceLab } from '../netns.ts';
import { type Agent, startAgent, tapscope } from '../serve.ts';

const run = promisify(execFile);

async function unloadTun(): Promise<void> {
  await unloadVhost();
  await run('rmmod', ['tun']);
}

/** Not by modprobe, which would take along what nothing uses any more: tun. */
async function unloadVhost(): Promise<void> {
  await run('rmmod', ['vhost_net']).catch(() => undefined);
}

/** A new tap is counted from its first packet on. */
async function countsExactly(t: TestContext, agent: Agent): Promise<void> {
  const lab = await namespaceLab(t);
  const puppet = await lab.puppet();
  await puppet.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 10);
  await puppet.udp(peer, 9, 16, 64);
  const { packets } = await puppet.read('a', 4);
  const metrics = await agent.metrics();
  const queue = { netns: String(lab.inode), device: 'tap0', queue: '0' };
  assert.equal(metrics.value('tapscope_queue_offered_packets_total', queue), 16);
  assert.equal(metrics.value('tapscope_queue_dropped_packets_total', { ...queue, reason: 'FULL_RING' }), 6);
  assert.equal(metrics.value('tapscope_queue_delivered_packets_total', queue), packets);
  await puppet.quit();
}

async function untilAttached(agent: Agent, attached: number): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const metrics = await agent.metrics();
    const now = metrics.text.match(/tapscope_probe_attached\{event="transmit",.*\} (\d)/)?.[1];
    if (now === String(attached)) return;
    await wait(100);
  }
  assert.fail(`transmit did not become ${attached} within 10 s`);
}

test('tun is loaded after the agent', async (t) => {
  await unloadTun();
  t.after(() => run('modprobe', ['tun']));
  const agent = await startAgent(t, ['--budget=off']);
  await untilAttached(agent, 0);
  const doctor = await tapscope(['doctor']);
  assert.equal(doctor.code, 3);
  assert.match(doctor.stdout, /the tun driver is not loaded/);
  await run('modprobe', ['tun']);
  await untilAttached(agent, 1);
  await countsExactly(t, agent);
});

test('while functions of tun are traced it cannot be unloaded, and doctor says so', async (t) => {
  const agent = await startAgent(t, ['--budget=off']);
  await unloadVhost();
  await assert.rejects(run('rmmod', ['tun']), /in use/);
  assert.match((await tapscope(['doctor'])).stdout, /tun cannot be unloaded \(ended, transmit/);
  await agent.stop();
  await unloadTun();
  await run('modprobe', ['tun']);
});

test('--no-pin: tun goes and comes again while the agent runs', async (t) => {
  const agent = await startAgent(t, ['--budget=off', '--no-pin']);
  await countsExactly(t, agent);
  for (let i = 0; i < 2; i++) {
    await unloadTun();
    await untilAttached(agent, 0);
    await run('modprobe', ['tun']);
    await untilAttached(agent, 1);
    await countsExactly(t, agent);
  }
});

test('vhost-net is loaded after the agent', async (t) => {
  await unloadVhost();
  const agent = await startAgent(t, ['--budget=off']);
  const returned = async (): Promise<string | undefined> =>
    (await agent.metrics()).text.match(/tapscope_probe_attached\{event="returned",mechanism="([\w-]+)"\} 1/)?.[1];
  assert.equal(await returned(), 'none');
  await run('modprobe', ['vhost_net']);
  for (let i = 0; i < 50 && (await returned()) !== 'fentry'; i++) await wait(100);
  assert.equal(await returned(), 'fentry');
  await countsExactly(t, agent);
  const lab = await namespaceLab(t);
  const puppet = await lab.puppet();
  await puppet.open('b', 'tap1', 'tap', 'vnet');
  const peer = await lab.raise('tap1', 100);
  await puppet.udp(peer, 9, 30, 64);
  await puppet.guest('b'); // it finds all 30 in the ring, and the guest has no room for one
  await wait(500);
  const queue = { netns: String(lab.inode), device: 'tap1', queue: '0' };
  assert.equal((await agent.metrics()).value('tapscope_vhost_held_packets', queue), 30);
  await puppet.unguest('b');
});

test('programs that were loaded later have their price too', async (t) => {
  await unloadVhost();
  const { probes } = await agentLab(t);
  await run('modprobe', ['vhost_net']);
  const host = readHost(PROBE_SYMBOLS);
  probes.extend(host);
  host.releaseTypes();
  assert.ok(probes.programs);
  const prices = await new PriceMeter(probes.programs).measure(probes.attached());
  assert.equal(prices.get('unproduced_fentry'), 0);
});

test('the bridge driver is loaded after the agent: what a port drops has its location', async (t) => {
  await run('rmmod', ['bridge']);
  const agent = await startAgent(t, ['--budget=off']);
  const lab = await namespaceLab(t);
  await lab.ipBatch(['link add br0 type bridge mcast_snooping 0', 'link set br0 up']);
  const puppet = await lab.puppet();
  await puppet.open('from', 'tapa', 'tap');
  await puppet.open('to', 'tapb', 'tap');
  await lab.ipBatch(['link set tapa master br0 mtu 9000 up', 'link set tapb master br0 mtu 1500 up']);
  await lab.exec('sh', '-c', 'until [ "$(cat /sys/class/net/tapb/brport/state)" = 3 ]; do sleep 0.1; done');
  const labels = {
    netns: String(lab.inode),
    device: 'tapb',
    reason: 'NOT_SPECIFIED',
    location: 'br_dev_queue_push_xmit',
  };
  const dropped = async (frames: number): Promise<number> => {
    await puppet.write('from', frames, 4000);
    return (await agent.metrics()).value('tapscope_device_other_dropped_packets_total', labels) ?? 0;
  };
  let seen = 0;
  for (let tries = 0; seen === 0 && tries < 50; tries++) {
    await wait(500); // the agent looks every second
    seen = await dropped(1);
  }
  assert.equal((await dropped(7)) - seen, 7);
});

test('an agent that comes late: a full ring, and a reader that is blocked already', async (t) => {
  const lab = await namespaceLab(t);
  const puppet = await lab.puppet();
  await puppet.open('full', 'tap0', 'tap');
  await puppet.open('blocked', 'tap1', 'tap');
  const peers = [await lab.raise('tap0', 50), await lab.raise('tap1', 50)] as const;
  await puppet.udp(peers[0], 9, 80, 64);
  await puppet.readLoop('blocked', 0);
  const agent = await startAgent(t, ['--budget=off']);
  await wait(2500); // two snapshots at rest settle the opening balance
  await puppet.udp(peers[1], 9, 30, 64);
  await puppet.read('full', 'all');
  await wait(200);
  const metrics = await agent.metrics();
  const labels = (device: string) => ({ netns: String(lab.inode), device, queue: '0' });
  assert.equal(metrics.value('tapscope_queue_delivered_packets_total', labels('tap0')), 50);
  assert.equal(metrics.value('tapscope_queue_offered_packets_total', labels('tap0')), 0);
  assert.equal(metrics.value('tapscope_queue_delivered_packets_total', labels('tap1')), 30);
  assert.doesNotMatch(metrics.text, /audit_imbalance_packets\{.*device="tap.*\} -?[1-9]/);
  assert.equal((await puppet.stop('blocked')).packets, 30);
});
