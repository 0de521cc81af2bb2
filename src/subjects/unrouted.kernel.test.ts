// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, nftables.
// What the host drops before it has chosen an output device: counted by namespace, reason and function, and never for a device.
import assert from 'node:assert/strict';
import test from 'node:test';
import { droppedBefore } from '../../test/agent/agent-lab.ts';
import { chain, router, type Scene } from '../../test/agent/router.ts';
import { noLab } from '../../test/host/netns.ts';
import { isSince } from '../../test/host/release.ts';
import { until } from '../../test/host/until.ts';
import { judge } from '../diagnosis/judge.ts';
import { statusOf } from '../diagnosis/status.ts';
import { windowOf } from '../diagnosis/window.ts';

const PACKETS = 80;
/** The place in an advised command: names of namespaces come and go, and their numbers are used again. */
const PLACE = /^(?:ip netns exec \S+|nsenter -t "[^"]*" -n) /;

/**
 * PACKETS of those that are `sent` on their way to the tap are dropped: the answer of one who asks about the tap, and what the command
 * `shows` that is advised.
 */
async function dropped(scene: Scene, reason: RegExp, shows: RegExp, sent = PACKETS): Promise<number> {
  const { agent, lab, outside, peer } = scene;
  const before = await agent.snapshot();
  await outside.udp(peer, 9, sent, 64);
  let after = before;
  const packetsIn = ({ agent: { unrouted } }: typeof before): number =>
    (unrouted ?? [])
      .filter((drop) => drop.netns === lab.inode && reason.test(drop.reason))
      .reduce((sum, { packets }) => sum + packets, 0);
  // On a busy host ksoftirqd forwards, after the sender is done.
  await until(async () => {
    after = await agent.snapshot();
    return packetsIn(after) - packetsIn(before) >= PACKETS;
  });
  const window = windowOf([before, after]);
  const device = window.devices.find(({ now }) => now.netns === lab.inode && now.name === 'tap0');
  assert.ok(device);
  assert.equal(droppedBefore(device.now), droppedBefore(device.before), 'it belongs to no device');
  const findings = judge(window, device).findings.filter(
    ({ netns, device: name }) => netns === lab.inode && name === 'tap0',
  );
  const doubts = findings.flatMap(({ doubts = [] }) => doubts).join();
  assert.match(doubts, /80 packets that came into its namespace were dropped before the host chose a device/);
  assert.equal(statusOf({ findings, unjudged: [] }), 'unknown');
  const [first] = findings;
  assert.match(first?.cause ?? '', /^tap0: 80 packets were dropped in its namespace before the host chose a device/);
  const command = first?.remedies[0]?.command?.replace(PLACE, '');
  assert.match(await lab.exec('sh', '-c', command ?? 'false'), shows);
  return packetsIn(after) - packetsIn(before);
}

/** Before Linux 5.17 the function that freed a packet stands for the reason. */
function named(reason: string): RegExp {
  return new RegExp(`^${isSince(5, 17) ? reason : 'NOT_SPECIFIED'}$`);
}

test('nft drops in prerouting', { skip: noLab }, async (t) => {
  const scene = await router(t);
  await chain(scene, 'inet', 'prerouting', 'meta l4proto udp drop');
  assert.equal(await dropped(scene, named('NETFILTER_DROP'), /l4proto udp drop/), PACKETS);
});

test('nft drops half of the packets in prerouting, and the tap gets the others', { skip: noLab }, async (t) => {
  const scene = await router(t);
  await scene.inside.readLoop('a', 0);
  await chain(scene, 'inet', 'prerouting', 'meta l4proto udp numgen inc mod 2 0 drop');
  assert.equal(await dropped(scene, named('NETFILTER_DROP'), /numgen inc mod 2 0 drop/, 2 * PACKETS), PACKETS);
});

test('nft drops in the ingress chain of the device that the packets come in by', { skip: noLab }, async (t) => {
  const scene = await router(t);
  const ingress = '{ type filter hook ingress device ve1 priority 0; }';
  await scene.lab.exec(
    'nft',
    `add table netdev f; add chain netdev f c ${ingress}; add rule netdev f c meta l4proto udp drop`,
  );
  assert.equal(await dropped(scene, named('NETFILTER_DROP'), /hook ingress/), PACKETS);
});

test('the host knows no route', { skip: noLab }, async (t) => {
  const scene = await router(t);
  await scene.lab.exec('ip', 'route', 'flush', 'dev', 'tap0');
  assert.equal(await dropped(scene, named('IP_INNOROUTES'), /10\.99\.0\.0\/24 dev ve1/), PACKETS);
});

for (const kind of ['unreachable', 'blackhole', 'prohibit'])
  test(`the route there is ${kind}`, { skip: noLab }, async (t) => {
    const scene = await router(t);
    await chain(scene, 'inet', 'output', 'meta l4proto icmp drop'); // an ICMP error may fail one of the sender's next calls
    await scene.lab.exec('ip', 'route', 'add', kind, `${scene.peer}/32`);
    assert.equal(await dropped(scene, /^(NOT_SPECIFIED|IP_INNOROUTES)$/, new RegExp(`${kind} ${scene.peer}`)), PACKETS);
  });

test('rp_filter expects the sender behind another device', { skip: noLab }, async (t) => {
  const scene = await router(t);
  await scene.lab.exec('sysctl', '-q', 'net.ipv4.conf.all.rp_filter=1', 'net.ipv4.conf.ve1.rp_filter=1');
  await scene.lab.exec('ip', 'route', 'add', '10.99.0.2/32', 'dev', 'tap0');
  assert.equal(await dropped(scene, named('IP_RPFILTER'), /rp_filter = 1/), PACKETS);
});

test('what the firewall drops in input is not counted: its way was known', { skip: noLab }, async (t) => {
  const scene = await router(t);
  await chain(scene, 'inet', 'input', 'udp dport 9 drop');
  const before = await scene.agent.snapshot();
  await scene.outside.udp('10.99.0.1', 9, PACKETS, 64);
  const after = await scene.agent.snapshot();
  const own = (snapshot: typeof before) => snapshot.agent.unrouted?.filter(({ netns }) => netns === scene.lab.inode);
  assert.deepEqual(own(after), own(before));
});
