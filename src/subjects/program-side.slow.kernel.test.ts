// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// Cut reads, full sockets, send limits and steered flows, each against its own counts, and what looks like them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type AttachedLab, agentLab } from '../../test/agent/agent-lab.ts';
import { connectionRequest, datagram } from '../../test/host/frames.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { type Talk, talkingGuest } from '../../test/host/talking-guest.ts';
import type { QueueFlag, TestReader } from '../../test/test-reader/test-reader.ts';
import { readsOf } from '../diagnosis/evidence/program-side.ts';
import { steeringOf } from '../diagnosis/evidence/steering.ts';
import type { Finding } from '../diagnosis/finding.ts';
import { judge } from '../diagnosis/judge.ts';
import { type DeviceSpan, windowOf } from '../diagnosis/window.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';

const ROUNDS = 6;

interface Scene {
  readonly agent: AttachedLab;
  readonly lab: NamespaceLab;
  readonly reader: TestReader;
  readonly sender: TestReader;
}

async function sceneOf(t: TestContext): Promise<Scene> {
  const lab = await namespaceLab(t);
  const [reader, sender, agent] = [await lab.testReader(), await lab.testReader(), await agentLab(t)];
  return { agent, lab, reader, sender };
}

interface Seen {
  readonly device: DeviceSpan;
  readonly findings: readonly Finding[];
  readonly rules: readonly string[];
}

/** What is said of the device after some seconds of this, while somebody asks. */
async function asked({ agent, lab }: Scene, name: string, round: () => Promise<unknown>): Promise<Seen> {
  const snapshots: Snapshot[] = [];
  for (let i = 0; i < 2; i++) {
    agent.ask();
    await agent.snapshot();
  }
  for (let i = 0; i < ROUNDS; i++) {
    agent.ask();
    await round();
    snapshots.push(await agent.snapshot());
    await wait(700);
  }
  const window = windowOf(snapshots);
  const device = window.devices.find(({ now }) => now.netns === lab.inode && now.name === name);
  assert.ok(device);
  const findings = judge(window, device).findings.filter(
    (finding) => finding.netns === lab.inode && finding.device === name,
  );
  const rules = findings.filter(({ severity }) => severity !== 'info').map(({ rule }) => rule);
  return { device, findings, rules };
}

interface CutCase {
  readonly name: string;
  readonly kind: 'tun' | 'tap';
  readonly flags: readonly QueueFlag[];
  readonly mtu: number;
  /** Bytes of the packet or frame that is sent, and of the buffer that it is read into. */
  readonly size: number;
  readonly buffer: number;
  /** Bytes that one read loses. */
  readonly cut: number;
}

const CUTS: readonly CutCase[] = [
  { name: 'an MTU that was raised', kind: 'tun', flags: [], mtu: 9000, size: 4000, buffer: 1500, cut: 2500 },
  { name: 'no room for packet information', kind: 'tun', flags: ['pi'], mtu: 1500, size: 1500, buffer: 1500, cut: 4 },
  {
    name: 'no room for a virtio-net header',
    kind: 'tap',
    flags: ['vnet'],
    mtu: 1500,
    size: 1514,
    buffer: 1514,
    cut: 10,
  },
  { name: 'no room for the Ethernet header', kind: 'tap', flags: [], mtu: 1500, size: 1514, buffer: 1500, cut: 14 },
  { name: 'a jumbo packet that fits', kind: 'tun', flags: [], mtu: 9000, size: 8000, buffer: 9000, cut: 0 },
  { name: 'room for header and packet', kind: 'tun', flags: ['pi'], mtu: 1500, size: 1500, buffer: 1504, cut: 0 },
];

const PACKETS = 4000;

for (const { name, kind, flags, mtu, size, buffer, cut } of CUTS) {
  test(`reads: ${name}`, { skip: noLab }, async (t) => {
    const scene = await sceneOf(t);
    const { lab, reader, sender } = scene;
    await reader.open('tap0.0', 'tap0', kind, ...flags);
    await lab.ip(`link set dev tap0 mtu ${mtu} txqueuelen 1000 up`);
    let got = 0;
    const { device, findings, rules } = await asked(scene, 'tap0', async () => {
      for (let part = 0; part < PACKETS; part += 400) {
        await sender.packet('tap0', 400, size);
        got += (await reader.readShort('tap0.0', 400, buffer)).packets;
      }
    });
    assert.equal(got, ROUNDS * PACKETS);
    const reads = readsOf(device);
    assert.ok(reads);
    // Never more than was cut, and not much less.
    assert.ok(reads.cut <= cut * reads.packets, `${reads.cut} of ${reads.packets} packets`);
    if (cut > 0) assert.ok(reads.cut > 0.3 * cut * reads.packets, `${reads.cut} of ${reads.packets} packets`);
    assert.deepEqual(rules, cut > 0 ? ['short-reads'] : [], JSON.stringify(findings.map((one) => one.cause)));
  });
}

/** Drops of the socket of a port, as the kernel shows them. */
function dropsOf(reader: TestReader, port: number): number {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  const line = readFileSync(`/proc/${reader.pid}/net/udp`, 'utf8')
    .split('\n')
    .find((one) => one.includes(hex));
  return Number(line?.trim().split(/\s+/).at(-1));
}

/** tap0 is up, and what its program writes arrives at a socket of the host. */
async function tunnel({ lab, reader, sender }: Scene): Promise<Talk> {
  await reader.open('tap0.0', 'tap0', 'tun');
  await lab.ip('link set dev tap0 up');
  return talkingGuest(lab, 'tap0', reader, sender);
}

test('a socket of the program overflows, and is told with the kernel’s figure', { skip: noLab }, async (t) => {
  const scene = await sceneOf(t);
  const { reader, sender } = scene;
  const talk = await tunnel(scene);
  await reader.listen(1194, 4096);
  const { device, findings, rules } = await asked(scene, 'tap0', async () => {
    await sender.udp('127.0.0.1', 1194, 100, 200);
    await talk('tap0.0', 20);
  });
  const socket = device.now.programSide?.sockets.find(({ localPort }) => localPort === 1194);
  assert.equal(socket?.drops, dropsOf(reader, 1194));
  assert.equal(socket?.pid, reader.pid);
  assert.deepEqual(rules, ['program-socket-full']);
  assert.match(findings[0]?.cause ?? '', /UDP socket of port 1194/);
});

test('a socket that gets what the program writes to the device overflows', { skip: noLab }, async (t) => {
  const scene = await sceneOf(t);
  const { lab, reader } = scene;
  await reader.open('tap0.0', 'tap0', 'tun');
  await lab.ipBatch(['link set dev tap0 up', 'addr add 10.71.0.1/24 dev tap0']);
  await reader.listen(1194, 4096);
  const packet = datagram({ from: '10.71.0.2', to: '10.71.0.1', port: 1194, size: 200 });
  const { device, rules } = await asked(scene, 'tap0', () => reader.frame('tap0.0', 100, packet));
  const socket = device.now.programSide?.sockets.find(({ localPort }) => localPort === 1194);
  assert.ok((socket?.drops ?? 0) > 300);
  assert.deepEqual(rules, ['host-refuses']);
});

test('a socket of a child overflows, which holds no queue', { skip: noLab }, async (t) => {
  const scene = await sceneOf(t);
  const { reader, sender } = scene;
  const talk = await tunnel(scene);
  await reader.listen(1194, 4096, 'child');
  const { device, findings, rules } = await asked(scene, 'tap0', async () => {
    await sender.udp('127.0.0.1', 1194, 100, 200);
    await talk('tap0.0', 20);
  });
  const socket = device.now.programSide?.sockets.find(({ localPort }) => localPort === 1194);
  assert.equal(socket?.drops, dropsOf(reader, 1194));
  assert.ok(socket?.isRelative && socket.pid !== reader.pid);
  assert.deepEqual(rules, ['program-socket-full']);
  assert.match(findings[0]?.cause ?? '', /UDP socket of port 1194 of \S+ \(pid \d+\), which belongs to its program,/);
});

test('the accept queue of the program is full: no packet was lost, and no buffer is too small', {
  skip: noLab,
}, async (t) => {
  const scene = await sceneOf(t);
  const { reader, sender, lab } = scene;
  const talk = await tunnel(scene);
  await reader.listen(443, 0, 'tcp');
  await sender.open('tap1.0', 'tap1', 'tun');
  await lab.ipBatch(['link set dev tap1 up', 'addr add 10.72.0.1/24 dev tap1']);
  let port = 1024;
  const { device, findings, rules } = await asked(scene, 'tap0', async () => {
    for (let i = 0; i < 30; i++)
      await sender.frame('tap1.0', 1, connectionRequest({ from: '10.72.0.2', to: '10.72.0.1', port: 443 }, port++));
    await talk('tap0.0', 20);
  });
  const socket = device.now.programSide?.sockets.find(({ localPort }) => localPort === 443);
  assert.ok(socket?.isListening && socket.drops >= 30, JSON.stringify(socket));
  assert.deepEqual(rules, ['program-socket-full']);
  assert.match(
    findings[0]?.cause ?? '',
    /accept queue of the TCP socket of port 443 .* connection requests were dropped/,
  );
});

for (const [where, to, isFault] of [
  ['on the device by which its program sends', 've0', true],
  ['on the device itself: a sniffer', 'tap0', false],
] as const) {
  test(`a packet socket overflows ${where}`, { skip: noLab }, async (t) => {
    const scene = await sceneOf(t);
    const { lab, reader, sender } = scene;
    await lab.ipBatch(['link add ve0 type veth peer name ve1', 'link set ve0 up', 'link set ve1 up']);
    const talk = await tunnel(scene);
    await reader.sniff(to, true);
    const { findings, rules } = await asked(scene, 'tap0', async () => {
      await sender.packet(isFault ? 've1' : 'tap0', 100, 200);
      await reader.read('tap0.0', 'all');
      await talk('tap0.0', 20);
    });
    assert.deepEqual(rules, isFault ? ['program-socket-full'] : [], JSON.stringify(findings.map((one) => one.cause)));
  });
}

test('a socket that overflowed before somebody asked is no finding', { skip: noLab }, async (t) => {
  const scene = await sceneOf(t);
  const { reader, sender } = scene;
  const talk = await tunnel(scene);
  await reader.listen(1194, 4096);
  await sender.udp('127.0.0.1', 1194, 5000, 200);
  const { device, rules } = await asked(scene, 'tap0', () => talk('tap0.0', 20));
  const socket = device.now.programSide?.sockets.find(({ localPort }) => localPort === 1194);
  assert.ok((socket?.drops ?? 0) > 1000);
  assert.deepEqual(rules, []);
});

/** A packet of 1 000 bytes in 0.4 s: what was written still waits when the next sample looks, on a busy machine too. */
const SLOW = 'qdisc replace dev ve0 root tbf rate 20kbit burst 5000 limit 10000000';

/** A bridge from tap0 to a veth that lets little out. */
async function slowBridge({ lab }: Scene, slow: boolean): Promise<void> {
  await lab.ipBatch([
    'link add br0 type bridge',
    'link add ve0 type veth peer name ve1',
    'link set tap0 master br0 up',
    'link set ve0 master br0 up',
    'link set ve1 up',
    'link set br0 up',
  ]);
  if (slow) await lab.tc(SLOW);
}

for (const [name, slow, limit, told] of [
  ['behind which packets wait', true, 20_000, true],
  ['with nothing slow behind it', false, 20_000, false],
  ['that is none', true, 2_147_483_647, false],
] as const) {
  test(`a send limit ${name}`, { skip: noLab }, async (t) => {
    const scene = await sceneOf(t);
    const { reader } = scene;
    await reader.open('tap0.0', 'tap0', 'tap');
    await slowBridge(scene, slow);
    await reader.sndbuf('tap0.0', limit);
    let refused = 0;
    const { device, rules } = await asked(scene, 'tap0', async () => {
      refused += (await reader.write('tap0.0', 400, 1000, { unicast: true })).errors.EAGAIN ?? 0;
    });
    const send = device.queues[0]?.now.send;
    assert.equal(send?.limit, limit);
    assert.equal(refused > 0, told, `${refused} refused`);
    assert.deepEqual(
      rules.filter((rule) => rule === 'send-limit'),
      told ? ['send-limit'] : [],
      JSON.stringify(device.steps.map(({ queues }) => queues[0]?.send)),
    );
  });
}

test('a send limit of a macvtap', { skip: noLab }, async (t) => {
  const scene = await sceneOf(t);
  const { lab, reader } = scene;
  await lab.ipBatch([
    'link add ve0 type veth peer name ve1',
    'link set ve0 up',
    'link set ve1 up',
    'link add link ve0 name tap0 type macvtap mode bridge',
    'link set tap0 up',
  ]);
  await lab.tc(SLOW);
  await reader.open('tap0.0', 'tap0', 'macvtap');
  const { device, rules } = await asked(scene, 'tap0', () => reader.write('tap0.0', 1000, 1000, { unicast: true }));
  assert.equal(device.queues[0]?.now.send?.limit, 212_992);
  assert.ok(rules.includes('send-limit'), JSON.stringify(device.steps.map(({ queues }) => queues[0]?.send)));
});

test('flows are counted by the queue that the program writes them to', { skip: noLab }, async (t) => {
  const scene = await sceneOf(t);
  const { lab, reader } = scene;
  for (const queue of [0, 1, 2, 3]) await reader.open(`tap0.${queue}`, 'tap0', 'tun', 'mq');
  await lab.ip('link set dev tap0 up');
  const one = await asked(scene, 'tap0', () => reader.write('tap0.2', 64, 100, { flows: 32 }));
  assert.deepEqual(one.device.now.programSide?.flowTable?.flowsOfQueues, [0, 0, 32, 0]);
  const queue = one.device.queues[2];
  assert.ok(queue);
  assert.deepEqual(steeringOf(queue), { flows: 32, here: 32 });
  const spread = await asked(scene, 'tap0', async () => {
    for (const index of [0, 1, 2, 3]) await reader.write(`tap0.${index}`, 8, 100 + index, { flows: 8 });
  });
  const [first] = spread.device.queues;
  assert.ok(first);
  assert.ok((spread.device.now.programSide?.flowTable?.flows ?? 0) >= 8);
});

test('nothing of it is read while nobody asks', { skip: noLab }, async (t) => {
  const { agent, lab, reader } = await sceneOf(t);
  await reader.open('tap0.0', 'tap0', 'tun');
  await lab.ip('link set dev tap0 up');
  await agent.snapshot();
  const device = await agent.device(lab.inode, 'tap0');
  assert.equal(device.programSide, undefined);
  assert.equal(device.queues[0]?.send, undefined);
});
