// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// Drivers come after the agent, stay while they are watched, or go and come again.

import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { OverheadMeter } from '../../src/engine/overhead-meter.ts';
import { readHost } from '../../src/kernel/host.ts';
import { PROBED } from '../../src/subjects/list.ts';
import { agentLab } from '../agent/agent-lab.ts';
import { type Agent, startAgent, tapscope } from '../agent/serve-process.ts';
import { dismissStanding } from '../agent/shared-agent.ts';
import { bridgeToNarrow } from '../host/bridge.ts';
import { namespaceLab } from '../host/netns.ts';
import { run } from '../host/run.ts';
import { until } from '../host/until.ts';
import { isWhole } from '../whole.ts';

async function unloadTun(): Promise<void> {
  await unloadVhost();
  await run('rmmod', ['tun']);
}

/** Unloads without modprobe, which would take along what nothing uses any more: tun. */
async function unloadVhost(): Promise<void> {
  await run('rmmod', ['vhost_net']).catch(() => undefined);
}

/** A new tap is counted from its first packet on. */
async function countsExactly(t: TestContext, agent: Agent): Promise<void> {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 10);
  await testReader.udp(peer, 9, 16, 64);
  const { packets } = await testReader.read('a', 4);
  const metrics = await agent.metrics();
  const queue = { netns: String(lab.inode), device: 'tap0', queue: '0' };
  assert.equal(metrics.value('tapscope_queue_offered_packets_total', queue), 16);
  assert.equal(metrics.value('tapscope_queue_dropped_packets_total', { ...queue, reason: 'FULL_RING' }), 6);
  assert.equal(metrics.value('tapscope_queue_delivered_packets_total', queue), packets);
  await testReader.quit();
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

test('drivers that come after the agent', async (t) => {
  await dismissStanding();
  await unloadTun();
  await run('modprobe', ['-r', 'macvtap', 'ipvtap']);
  await run('rmmod', ['bridge']);
  t.after(() => run('modprobe', ['-a', 'tun', 'vhost_net', 'bridge']));
  const agent = await startAgent(t, ['--budget=off']);

  await t.test('tun', async (t) => {
    await untilAttached(agent, 0);
    const doctor = await tapscope(['doctor', '--verbose']);
    assert.equal(doctor.code, 3);
    assert.match(doctor.stdout, /the tun driver is not loaded/);
    await run('modprobe', ['tun']);
    await untilAttached(agent, 1);
    await countsExactly(t, agent);
  });
  await t.test('vhost-net', (t) => vhostComes(t, agent));
  await t.test('bridge: what a port drops has its location', (t) => bridgeComes(t, agent));
  await t.test('macvtap and ipvtap', (t) => macvtapComes(t, agent));
  await t.test('while functions of tun are traced it cannot be unloaded, and doctor says so', async () => {
    await assert.rejects(run('rmmod', ['tun']), /in use/);
    assert.match(
      (await tapscope(['doctor', '--verbose'])).stdout,
      /tun cannot be unloaded \(ended, last-counters, queue-changes, transmit/,
    );
    await agent.stop();
    await unloadTun();
  });
});

async function vhostComes(t: TestContext, agent: Agent): Promise<void> {
  const returned = async (): Promise<string | undefined> =>
    (await agent.metrics()).text.match(/tapscope_probe_attached\{event="returned",mechanism="([\w-]+)"\} 1/)?.[1];
  assert.equal(await returned(), 'none');
  await run('modprobe', ['vhost_net']);
  for (let i = 0; i < 50 && (await returned()) !== 'fentry'; i++) await wait(100);
  assert.equal(await returned(), 'fentry');
  await countsExactly(t, agent);
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('b', 'tap1', 'tap', 'vnet');
  const peer = await lab.raise('tap1', 100);
  await testReader.udp(peer, 9, 30, 64);
  await testReader.guest('b'); // it finds all 30 in the ring, and the guest has no room for one
  const queue = { netns: String(lab.inode), device: 'tap1', queue: '0' };
  const held = async () => (await agent.metrics()).value('tapscope_vhost_held_packets', queue);
  await until(async () => (await held()) === 30);
  assert.equal(await held(), 30);
  await testReader.unguest('b');
}

async function bridgeComes(t: TestContext, agent: Agent): Promise<void> {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('from', 'tapa', 'tap');
  await testReader.open('to', 'tapb', 'tap');
  await bridgeToNarrow(lab, 'tapa', 'tapb');
  const labels = {
    netns: String(lab.inode),
    device: 'tapb',
    reason: 'NOT_SPECIFIED',
    location: 'br_dev_queue_push_xmit',
  };
  const dropped = async (frames: number): Promise<number> => {
    await testReader.write('from', frames, 4000);
    return (await agent.metrics()).value('tapscope_device_other_dropped_packets_total', labels) ?? 0;
  };
  let seen = 0;
  for (let tries = 0; seen === 0 && tries < 50; tries++) {
    await wait(500); // the agent looks every second
    seen = await dropped(1);
  }
  assert.equal((await dropped(7)) - seen, 7);
}

async function macvtapComes(t: TestContext, agent: Agent): Promise<void> {
  const lab = await namespaceLab(t);
  await lab.ipBatch([
    'link add ve0 type veth peer name ve1',
    'link set ve0 up',
    'link set ve1 up address 02:00:00:00:00:02',
    'link add link ve1 name vtap0 address 02:00:00:00:00:01 type macvtap mode bridge',
    'link set vtap0 txqueuelen 40 up',
    'link add ve2 type veth peer name ve3',
    'link add link ve3 name vtap1 type ipvtap mode l2',
  ]);
  const labels = { netns: String(lab.inode) };
  const kinds = async (): Promise<readonly string[]> =>
    Object.keys((await agent.metrics()).by('kind', 'tapscope_device_info', labels)).sort();
  for (let tries = 0; (await kinds()).length < 2 && tries < 20; tries++) await wait(500);
  assert.deepEqual(await kinds(), ['ipvtap', 'macvtap']);
  const testReader = await lab.testReader('/usr/bin/qemu-system-x86_64', '-name', 'guest=web1');
  await testReader.open('a', 'vtap0', 'macvtap');
  await testReader.open('b', 'vtap1', 'macvtap');
  await testReader.packet('ve0', 50, 60, { unicast: true });
  const { packets } = await testReader.read('a', 5);
  const metrics = await agent.metrics();
  const value = (name: string): number | undefined => metrics.value(name, { ...labels, device: 'vtap0' });
  assert.equal(packets, 5);
  assert.equal(value('tapscope_macvtap_offered_packets_total'), 50);
  assert.equal(value('tapscope_macvtap_dropped_packets_total'), 10);
  assert.equal(value('tapscope_macvtap_delivered_packets_total'), 5);
  assert.equal(value('tapscope_ring_occupancy_packets'), 35);
  for (const device of ['vtap0', 'vtap1']) {
    const owner = async () => (await agent.metrics()).by('vm', 'tapscope_device_owner_info', { ...labels, device });
    await until(async () => 'web1' in (await owner())); // at first its process has not been looked up yet
    assert.deepEqual(await owner(), { web1: 1 }, device);
    const held = (await agent.metrics()).by('pid', 'tapscope_queue_owner_info', { ...labels, device });
    assert.deepEqual(held, { [testReader.pid]: 1 }, device);
  }
}

test('--no-pin: tun goes and comes again while the agent runs', async (t) => {
  t.after(() => run('modprobe', ['vhost_net']));
  const agent = await startAgent(t, ['--budget=off', '--no-pin']);
  await countsExactly(t, agent);
  for (let i = 0; i < (isWhole ? 2 : 1); i++) {
    await unloadTun();
    await untilAttached(agent, 0);
    await run('modprobe', ['tun']);
    await untilAttached(agent, 1);
    await countsExactly(t, agent);
  }
});

test('programs that were loaded later have their price too', async (t) => {
  await dismissStanding();
  await unloadVhost();
  const { probes } = await agentLab(t);
  await run('modprobe', ['vhost_net']);
  const host = readHost(PROBED);
  probes.extend(host);
  host.releaseTypes();
  assert.ok(probes.programs);
  const prices = await new OverheadMeter(probes.programs).measure(probes.attached());
  assert.equal(prices?.get('unproduced_fentry'), 0);
});
