// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, iptables, nftables.
// What the firewall drops before the packet's device is the output device: counted for the device that it would have left by.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { droppedBefore, imbalances } from '../../test/agent/agent-lab.ts';
import { chain, deviceAfter, router, type Scene } from '../../test/agent/router.ts';
import { noLab } from '../../test/host/netns.ts';
import { isFirewallDrop } from '../diagnosis/evidence/drop-kinds.ts';
import type { Device } from '../snapshot/device.ts';

async function assertFirewalled(scene: Scene, before: Device, packets: number): Promise<void> {
  const device = await deviceAfter(scene, before, packets);
  const drops = (device.otherDropped ?? []).filter(isFirewallDrop);
  assert.equal(drops.reduce((sum, drop) => sum + drop.packets, 0) - droppedBefore(before), packets);
  assert.deepEqual(device.otherDropped, drops);
  assert.equal(device.counters?.txPackets, before.counters?.txPackets);
  assert.deepEqual(imbalances(device), []);
}

for (const kind of ['tap', 'tun'] as const)
  for (const hook of ['forward', 'postrouting'] as const)
    test(`nft drops in ${hook} what is forwarded to a ${kind}`, { skip: noLab }, async (t) => {
      const scene = await router(t, kind);
      await chain(scene, 'inet', hook, 'meta l4proto udp drop');
      const before = await scene.device();
      await scene.outside.udp(scene.peer, 9, 40, 64);
      await assertFirewalled(scene, before, 40);
    });

for (const hook of ['output', 'postrouting'] as const)
  test(`nft drops in ${hook} what the host itself sends`, { skip: noLab }, async (t) => {
    const scene = await router(t);
    await chain(scene, 'ip', hook, 'meta l4proto udp drop');
    const before = await scene.device();
    await scene.inside.udp(scene.peer, 9, 30, 64);
    await assertFirewalled(scene, before, 30);
  });

test('half of what is forwarded', { skip: noLab }, async (t) => {
  const scene = await router(t);
  await chain(scene, 'inet', 'forward', 'numgen inc mod 2 0 drop');
  const before = await scene.device();
  await scene.outside.udp(scene.peer, 9, 100, 64);
  const after = await deviceAfter(scene, before, 50);
  assert.equal((await scene.inside.read('a', 'all')).packets, 50);
  assert.equal(droppedBefore(after) - droppedBefore(before), 50);
});

for (const tool of ['iptables-legacy', 'iptables-nft'])
  test(`${tool} drops in FORWARD`, { skip: noLab || !existsSync(`/usr/sbin/${tool}`) }, async (t) => {
    const scene = await router(t);
    const added = await scene.lab.exec(tool, '-A', 'FORWARD', '-p', 'udp', '-j', 'DROP').then(
      () => true,
      () => false,
    );
    if (!added) return t.skip(`this kernel has no tables for ${tool}`);
    const before = await scene.device();
    await scene.outside.udp(scene.peer, 9, 40, 64);
    await assertFirewalled(scene, before, 40);
  });

test('an egress chain of the device', { skip: noLab }, async (t) => {
  const scene = await router(t);
  const egress = '{ type filter hook egress device tap0 priority 0; }';
  const added = await scene.lab
    .exec('nft', `add table netdev f; add chain netdev f c ${egress}; add rule netdev f c drop`)
    .then(
      () => true,
      () => false,
    );
  if (!added) return t.skip('this kernel has no egress chains (CONFIG_NETFILTER_EGRESS)');
  const before = await scene.device();
  await scene.outside.udp(scene.peer, 9, 40, 64);
  await assertFirewalled(scene, before, 40);
});

test('what is dropped on its way elsewhere is not the tap’s', { skip: noLab }, async (t) => {
  const scene = await router(t);
  await scene.lab.ipBatch(['link add br0 type bridge', 'link set br0 up', 'route add 10.55.0.0/24 dev br0']);
  await chain(scene, 'inet', 'forward', 'oifname br0 drop');
  await chain(scene, 'inet', 'input', 'udp dport 9 drop');
  const before = await scene.device();
  await scene.outside.udp('10.55.0.7', 9, 40, 64);
  await scene.outside.udp('10.99.0.1', 9, 40, 64);
  assert.equal(droppedBefore(await scene.device()), droppedBefore(before));
});

test('one of two devices is the output', { skip: noLab }, async (t) => {
  const scene = await router(t, 'tun');
  await scene.inside.open('b', 'tun1', 'tun');
  await scene.lab.ipBatch(['link set tun1 up', 'route add 10.54.0.0/24 dev tun1']);
  await chain(scene, 'inet', 'forward', 'drop');
  const before = await scene.device();
  const sender = await scene.agent.device(scene.lab.inode, 'tun1');
  await scene.outside.udp('10.54.0.9', 9, 25, 64);
  const receiver = await deviceAfter(scene, sender, 25);
  assert.equal(droppedBefore(receiver) - droppedBefore(sender), 25);
  assert.equal(droppedBefore(await scene.device()), droppedBefore(before));
});

test('ten thousand rules change nothing: rule sets are never read', { skip: noLab }, async (t) => {
  const scene = await router(t);
  const rules = Array.from(
    { length: 10_000 },
    (_, n) => `add rule inet f forward ip daddr 10.200.${n >> 8}.${n & 255} drop`,
  );
  await chain(scene, 'inet', 'forward', 'meta l4proto udp counter');
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-rules-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'rules.nft');
  writeFileSync(file, rules.join('\n'));
  await scene.lab.exec('nft', '-f', file);
  await scene.lab.exec('nft', 'add rule inet f forward meta l4proto udp drop');
  const before = await scene.device();
  await scene.outside.udp(scene.peer, 9, 40, 64);
  await assertFirewalled(scene, before, 40);
});
