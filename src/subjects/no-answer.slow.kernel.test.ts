// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// What the guest sends comes to somebody who does not want it, or is asked and does not answer: each fault is told, each healthy twin is not.
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { assertTold, bridged, CLEAN, often, routed, streamTo } from '../../test/agent/asked-tap.ts';
import type { Scene } from '../../test/agent/on-call.ts';
import { arpRequest, datagram, ethernet, solicitation } from '../../test/host/frames.ts';
import { macOf, namespaceLab, noLab } from '../../test/host/netns.ts';

const skip = noLab;
const TO_FAR = datagram({ from: '10.71.0.2', to: '10.99.0.2', port: 9 });
/** Before Linux 5.17 a wrong IP header is freed in the same place. */
const FOR_NOBODY =
  /^warning: host-refuses .*behind up0, .*(a MAC address that the host does not have here|for another MAC address)/;
const STALE = '02:00:00:00:99:99';

function sends({ lab, reader }: Scene, frame: Buffer): void {
  often({ lab }, 100, () => reader.frame('a', 5, frame));
}

test('the host has an old MAC address of its neighbour, and then the new one', { skip }, async (t) => {
  const one = await routed(t);
  await one.lab.ip(`neigh replace 10.99.0.2 lladdr ${STALE} dev up0 nud permanent`);
  sends(one, ethernet(await macOf(one.lab, 'tap0'), TO_FAR));
  await assertTold(one, FOR_NOBODY);
  await one.lab.ip(`neigh replace 10.99.0.2 lladdr ${await macOf(one.far, 'far0')} dev up0 nud permanent`);
  await wait(1500);
  await assertTold(one, CLEAN);
});

for (const [device, ...how] of [['tap0'], ['tap0', 'mapped'], ['up0', 'mapped']] as const)
  test(`the same, and ${how.length > 0 ? 'tcpdump runs' : 'a packet socket is'} on ${device}`, { skip }, async (t) => {
    const one = await routed(t);
    await (await one.lab.testReader()).sniff(device, true, ...how);
    await one.lab.ip(`neigh replace 10.99.0.2 lladdr ${STALE} dev up0 nud permanent`);
    sends(one, ethernet(await macOf(one.lab, 'tap0'), TO_FAR));
    await assertTold(one, FOR_NOBODY);
  });

const BRIDGE = ['link add br0 type bridge mcast_snooping 0 forward_delay 0', 'link set br0 up'];

test('the bridge has an old MAC address at one port, and no other is there', { skip }, async (t) => {
  const one = await routed(t);
  await one.lab.ipBatch([...BRIDGE, 'link set tap0 master br0', 'link set up0 master br0']);
  sends(one, ethernet(STALE, TO_FAR));
  await assertTold(one, FOR_NOBODY);
});

test('the bridge has an old MAC address at one port, and tcpdump runs on the bridge', { skip }, async (t) => {
  const one = await routed(t);
  await one.lab.ipBatch([...BRIDGE, 'link set tap0 master br0', 'link set up0 master br0', 'link set br0 promisc on']);
  await (await one.lab.testReader()).sniff('br0', true, 'mapped');
  await one.lab.exec('bridge', 'fdb', 'replace', STALE, 'dev', 'up0', 'master', 'static');
  sends(one, ethernet(STALE, TO_FAR));
  await assertTold(one, /^(unknown: not-here|warning: host-refuses)/);
});

for (const capture of ['nothing', 'tcpdump'] as const)
  test(`a bridge floods, and one of two namespaces takes it; ${capture} runs on it`, { skip }, async (t) => {
    const one = await routed(t);
    if (capture === 'tcpdump')
      for (const device of ['tap0', 'up0']) await (await one.lab.testReader()).sniff(device, true, 'mapped');
    const other = await namespaceLab(t);
    await one.lab.ipBatch([
      ...BRIDGE,
      `link add up1 type veth peer name far1 netns ${other.name}`,
      ...['tap0', 'up0', 'up1'].map((device) => `link set ${device} master br0 up`),
    ]);
    await other.ipBatch(['link set far1 addrgenmode none up', 'addr add 10.99.0.3/24 dev far1']);
    sends(one, ethernet(await macOf(one.far, 'far0'), TO_FAR));
    await assertTold(one, CLEAN);
  });

test('a bridge floods what is for an address that it has never seen, though it has seen others', {
  skip,
}, async (t) => {
  const one = await bridged(t);
  await streamTo(one, '10.90.0.2', 1);
  await (await one.lab.testReader()).bind(9, 8_000_000);
  const packet = datagram({ from: '10.90.0.2', to: '10.90.0.1', port: 9 });
  const neighbour = await macOf(one.lab, 've0');
  let to = STALE;
  often(one, 100, () => one.reader.frame('a', 5, ethernet(to, packet)));
  await assertTold(one, /^unknown: not-here/);
  to = neighbour;
  await wait(1500);
  await assertTold(one, /^ok: not-here/);
});

test('the host does not answer ARP for its own address, and then it does', { skip }, async (t) => {
  const one = await routed(t);
  await one.lab.exec('sysctl', '-q', 'net.ipv4.conf.tap0.arp_ignore=8');
  often(one, 200, () => one.reader.frame('a', 1, arpRequest('10.71.0.2', '10.71.0.1')));
  await assertTold(one, /^unknown: not-here/);
  await one.lab.exec('sysctl', '-q', 'net.ipv4.conf.tap0.arp_ignore=0');
  await wait(1500);
  await assertTold(one, /^ok: not-here/);
});

test('the host answers ARP for others with proxy_arp alone', { skip }, async (t) => {
  const one = await routed(t);
  often(one, 200, () => one.reader.frame('a', 1, arpRequest('10.71.0.2', '10.99.0.2')));
  await assertTold(one, /^unknown: not-here/);
  await one.lab.exec('sysctl', '-q', 'net.ipv4.conf.tap0.proxy_arp=1', 'net.ipv4.neigh.tap0.proxy_delay=0');
  await wait(1500);
  await assertTold(one, /^ok: not-here/);
});

test('nobody answers neighbour discovery, and then the host has the address', { skip }, async (t) => {
  const one = await routed(t);
  often(one, 200, () => one.reader.frame('a', 1, solicitation('fd00::2', 'fd00::1')));
  await assertTold(one, /^unknown: not-here/);
  await one.lab.exec('sysctl', '-q', 'net.ipv6.conf.tap0.disable_ipv6=0');
  await one.lab.ip('addr add fd00::1/64 dev tap0 nodad');
  await wait(1500);
  await assertTold(one, /^ok: not-here/);
});

test('an address that the guest makes sure nobody has', { skip }, async (t) => {
  const one = await routed(t);
  const probes = [arpRequest('0.0.0.0', '10.71.0.2'), arpRequest('10.71.0.2', '10.71.0.2')];
  for (const probe of probes) often(one, 200, () => one.reader.frame('a', 1, probe));
  await assertTold(one, /^ok: not-here/);
});

for (const [name, group, type, forwards] of [
  ['LACP', '02', 0x8809, 'link set tap0 type bridge_slave group_fwd_mask 4'],
  ['LLDP', '0e', 0x88cc, 'link set br0 type bridge group_fwd_mask 0x4000'],
] as const)
  test(`a bridge keeps ${name}, and then forwards it`, { skip }, async (t) => {
    const one = await bridged(t);
    sends(one, ethernet(`01:80:c2:00:00:${group}`, Buffer.alloc(46), type));
    await assertTold(
      one,
      new RegExp(`^warning: bridge-table .*br0 keeps .* frames to 01:80:c2:00:00:${group} .*${name}`),
    );
    await one.lab.ip(forwards);
    await wait(1500);
    await assertTold(one, CLEAN);
  });
