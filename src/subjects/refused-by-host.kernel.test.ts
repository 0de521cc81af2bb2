// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, nftables.
// Packets from the guest that XDP, the firewall, rp_filter and the routes of the host drop behind tun, equal to what was written.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type AgentLab, droppedBefore, standingLab } from '../../test/agent/agent-lab.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';
import type { Device } from '../snapshot/device.ts';

type Test = Parameters<typeof namespaceLab>[0];

interface Scene {
  readonly lab: NamespaceLab;
  readonly agent: AgentLab;
  readonly testReader: TestReader;
  readonly device: () => Promise<Device>;
}

async function scene(t: Test, kind: 'tun' | 'tap'): Promise<Scene> {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', kind);
  await lab.ip('link set tap0 up');
  return { lab, agent, testReader, device: () => agent.device(lab.inode, 'tap0') };
}

/** Refused packets by reason. */
function refusedOf({ receive }: Device): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const { reason, packets } of receive?.refusedByHost ?? []) sums[reason] = (sums[reason] ?? 0) + packets;
  return sums;
}

for (const answer of ['drop', 'aborted'] as const)
  test(`native XDP: ${answer}`, { skip: noLab }, async (t) => {
    const here = await scene(t, 'tap');
    await (await here.lab.testReader()).xdp('tap0', answer);
    assert.equal((await here.testReader.write('a', 50, 100)).written, 50);
    const { counters, receive } = await here.device();
    assert.ok((receive?.xdp?.native ?? 0) > 0 && receive?.xdp?.generic === 0);
    assert.deepEqual([counters?.rxPackets, counters?.rxDropped], [0, 50]);
  });

test('generic XDP, which no counter of the kernel shows', { skip: noLab }, async (t) => {
  const here = await scene(t, 'tap');
  await (await here.lab.testReader()).xdp('tap0', 'drop', 'generic');
  await here.testReader.write('a', 50, 100);
  const device = await here.device();
  assert.ok(device.receive?.xdp?.native === 0 && device.receive.xdp.generic > 0);
  assert.deepEqual(
    device.receive?.refusedByHost?.map(({ packets }) => packets),
    [50],
  );
  assert.equal(device.counters?.rxDropped, 0);
});

test('a protocol that the host does not handle', { skip: noLab }, async (t) => {
  const here = await scene(t, 'tap');
  await here.testReader.write('a', 50, 100);
  const device = await here.device();
  assert.equal(device.counters?.rxDropped, 50);
  assert.deepEqual(Object.values(refusedOf(device)), [50]);
});

test('rp_filter, martians and the firewall', { skip: noLab }, async (t) => {
  const here = await scene(t, 'tun');
  const [rpFilter] = ['net.ipv4.conf.all.rp_filter', 'net.ipv4.conf.tap0.rp_filter'];
  // The writer's packets go from 10.77.255.2 to 10.77.255.1.
  await here.lab.ip('addr add 10.77.255.1/32 dev tap0');
  await here.lab.exec('sysctl', '-q', `${rpFilter}=1`);
  await here.testReader.write('a', 20, 100);
  assert.deepEqual(refusedOf(await here.device()), { IP_RPFILTER: 20 });
  await here.lab.ip('route add 10.77.255.2/32 dev tap0');
  await here.lab.exec('nft', 'add table ip f; add chain ip f c { type filter hook prerouting priority 0; }');
  await here.lab.exec('nft', 'add rule ip f c drop');
  await here.testReader.write('a', 30, 100);
  const device = await here.device();
  assert.deepEqual(refusedOf(device), { IP_RPFILTER: 20, NETFILTER_DROP: 30 });
  assert.equal(droppedBefore(device), 0);
});
