// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, nftables.
// Packets for a guest that are lost before they are near its device: nothing but their address says so. Each healthy twin is OK.
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { assertTold, bridged, CLEAN, learned, redirected, streamTo } from '../../test/agent/asked-tap.ts';
import type { Scene } from '../../test/agent/on-call.ts';
import { macOf, type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { isSince } from '../../test/host/release.ts';

const skip = noLab;
/** More than the shapers here let pass, 300 packets of 106 bytes a second. */
const SHAPED = 'tbf rate 80kbit burst 2000 limit 3000';
const PER_ROUND = 30;

/** What is lost is most of what comes: that shows soon. */
const assertSaid = (one: Scene, expected: RegExp): Promise<void> => assertTold(one, expected, 'tap0', 2);

/** The guest's address is known to its bridge, and frames for it come by ve1. */
async function flooded(t: TestContext): Promise<Scene> {
  const one = await bridged(t);
  await learned(one);
  await streamTo(one, '10.90.0.2', PER_ROUND);
  return one;
}

test('a program drops at the port by which they come', { skip }, async (t) => {
  const one = await flooded(t);
  await one.reader.xdp('ve1', 'drop', 'generic');
  await assertSaid(one, /^warning: loss-unexplained .*at ve1 an XDP program/);
});

const noLock = isSince(5, 18) ? false : 'this kernel locks no ports';

test('that port is locked', { skip: skip || noLock }, async (t) => {
  const one = await flooded(t);
  await one.lab.exec('bridge', ...'link set dev ve1 locked on learning off'.split(' '));
  await one.lab.exec('bridge', 'fdb', 'del', await macOf(one.lab, 've0'), 'dev', 've1', 'master'); // learned before
  await assertSaid(one, /^warning: loss-unexplained .*at ve1 its bridge port is locked or closed/);
});

test('a firewall of the bridge before it chooses a port', { skip }, async (t) => {
  const one = await flooded(t);
  await one.lab.exec('nft', 'add table bridge f; add chain bridge f c { type filter hook prerouting priority 0; }');
  await one.lab.exec('nft', 'add rule bridge f c udp dport 10 drop'); // others' packets
  await assertSaid(one, CLEAN);
  await one.lab.exec('nft', 'add rule bridge f c udp dport 9 numgen inc mod 2 0 drop');
  // Before it had a reason there: freed in br_handle_frame.
  await assertSaid(one, /^warning: (host-firewall |loss-unexplained .*at ve1 )/);
});

test('the qdisc of the bridge, by which the host itself sends', { skip }, async (t) => {
  const one = await bridged(t);
  await learned(one);
  await one.lab.ipBatch([
    'addr add 10.95.0.1/24 dev br0',
    'neigh replace 10.95.0.2 lladdr 02:00:00:00:00:01 dev br0 nud permanent',
  ]);
  await one.lab.tc(`qdisc replace dev br0 root ${SHAPED}`);
  await streamTo(one, '10.95.0.2', PER_ROUND);
  await assertSaid(one, /^warning: loss-unexplained .*at br0 its qdisc drops them/);
});

/** The host has a neighbour on its bridge, and that guest has sent nothing: the bridge floods what is for it. */
async function silent(t: TestContext): Promise<Scene> {
  const one = await bridged(t);
  await one.lab.ipBatch([
    'addr add 10.95.0.1/24 dev br0',
    'neigh replace 10.95.0.2 lladdr 02:00:00:00:00:01 dev br0 nud permanent',
  ]);
  await streamTo(one, '10.95.0.2', PER_ROUND);
  return one;
}

test('the same for a guest that has sent nothing', { skip }, async (t) => {
  const one = await silent(t);
  await assertSaid(one, CLEAN);
  await one.lab.tc(`qdisc replace dev br0 root ${SHAPED}`);
  await assertSaid(one, /^warning: loss-unexplained .*at br0 its qdisc drops them/);
});

test('a policy of IPsec that lets the host send nothing there: no packet is made', { skip }, async (t) => {
  const one = await silent(t);
  await assertSaid(one, /^ok: not-here/);
  const isBlocked = await one.lab.ip('xfrm policy add dst 10.95.0.2 dir out action block').then(
    () => true,
    () => false,
  );
  if (!isBlocked) return t.skip('this kernel has no IPsec');
  // Each refusal ends a round of the sender: ten a second.
  await assertTold(one, /^unknown: not-here/, 'tap0', 10);
});

/** The host routes what comes by up0, from another host, to tap0. */
async function uplinked(t: TestContext): Promise<{ readonly one: Scene; readonly far: NamespaceLab }> {
  const one = await redirected(t);
  const far = await namespaceLab(t);
  await one.lab.exec('sysctl', '-q', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=0');
  await one.lab.ipBatch([
    `link add up0 type veth peer name far0 netns ${far.name}`,
    'link set up0 up',
    'addr add 10.92.0.1/24 dev up0',
    'addr add 10.91.0.1/24 dev tap0',
    'neigh replace 10.91.0.7 lladdr 02:00:00:00:00:07 dev tap0 nud permanent',
  ]);
  await far.ipBatch(['link set far0 up', 'addr add 10.92.0.2/24 dev far0', 'route add default via 10.92.0.1']);
  await streamTo({ lab: far }, '10.91.0.7', PER_ROUND);
  return { one, far };
}

test('an IFB shapes what comes by the uplink, and drops', { skip }, async (t) => {
  const { one } = await uplinked(t);
  await one.lab.ipBatch(['link add ifb7 type ifb', 'link set ifb7 up']);
  await one.lab.tc('qdisc add dev up0 ingress');
  await one.lab.tc(
    'filter add dev up0 parent ffff: protocol ip u32 match u32 0 0 action mirred egress redirect dev ifb7',
  );
  await assertSaid(one, CLEAN);
  await one.lab.tc(`qdisc replace dev ifb7 root ${SHAPED}`);
  await assertSaid(one, /^warning: loss-unexplained .*at ifb7 its qdisc drops them/);
});

test('a bridge by which the host itself sends holds packets for long', { skip }, async (t) => {
  const one = await bridged(t);
  await one.lab.ipBatch([
    'addr add 10.95.0.1/24 dev br0',
    'neigh replace 10.95.0.2 lladdr 02:00:00:00:00:01 dev br0 nud permanent',
  ]);
  await one.lab.tc('qdisc replace dev br0 root tbf rate 160kbit burst 2000 limit 60000');
  await streamTo(one, '10.95.0.2', PER_ROUND);
  await assertTold(one, /^(warning|critical): onward-delay .*what comes to it by br0 waits about/);
});

test('the other host knows an old MAC address of the uplink', { skip }, async (t) => {
  const { one, far } = await uplinked(t);
  await assertSaid(one, CLEAN);
  await far.ip('neigh replace 10.92.0.1 lladdr 02:00:00:00:00:99 dev far0 nud permanent');
  await assertSaid(one, /^warning: loss-unexplained .*at up0 they come for a MAC address that the host does not have/);
});

test('what is lost there is for others', { skip }, async (t) => {
  const { one, far } = await uplinked(t);
  await one.lab.exec('nft', 'add table ip f; add chain ip f c { type filter hook input priority 0; }');
  await one.lab.exec('nft', 'add rule ip f c udp dport 9 drop');
  await streamTo({ lab: far }, '10.92.0.1', PER_ROUND); // to the host itself
  await streamTo({ lab: far }, '10.91.0.1', PER_ROUND); // to its address in the guest's network
  await assertSaid(one, CLEAN);
});

test('they come in by the port of a bond that is not the active one, and then by the active one', {
  skip,
}, async (t) => {
  const one = await bridged(t);
  await learned(one);
  try {
    await one.lab.ip('link add bond0 type bond mode active-backup');
  } catch {
    return t.skip('this kernel has no bonds');
  }
  await one.lab.ipBatch([
    'link add ve2 type veth peer name ve3',
    'link set ve2 up',
    'link set ve1 down',
    'link set ve1 nomaster',
    'link set ve1 master bond0',
    'link set ve3 master bond0',
    'link set bond0 type bond active_slave ve3',
    'link set bond0 up',
    'link set bond0 master br0',
  ]);
  await streamTo(one, '10.90.0.2');
  await assertTold(
    one,
    /^warning: loss-unexplained .*at ve1 the port of a bond or team that they came in by is not the active one/,
  );
  await one.lab.ip('link set bond0 type bond active_slave ve1');
  await wait(1500);
  await assertTold(one, CLEAN);
});
