// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, nftables, socat.
// Packets from the guest that the host drops somewhere on their way, equal to what was written or to the kernel's own counters.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { type AgentLab, droppedBefore, standingLab } from '../../test/agent/agent-lab.ts';
import { datagram, EVERYONE, ethernet, tagged } from '../../test/host/frames.ts';
import { inside, macOf, type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { isSince } from '../../test/host/release.ts';
import { until } from '../../test/host/until.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';
import type { Device } from '../snapshot/device.ts';

type Test = Parameters<typeof namespaceLab>[0];

/** A tap with addresses; the guest behind it is 10.71.0.2 and fd71::2. */
interface Scene {
  readonly lab: NamespaceLab;
  readonly agent: AgentLab;
  readonly guest: TestReader;
  /** The tap's own link address. */
  readonly mac: string;
  device(name?: string): Promise<Device>;
}

async function scene(t: Test): Promise<Scene> {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  const guest = await lab.testReader();
  await guest.open('a', 'tap0', 'tap');
  await lab.exec(
    'sh',
    '-c',
    'echo 0 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 0 > /proc/sys/net/ipv6/conf/tap0/disable_ipv6',
  );
  await lab.ipBatch([
    'link set tap0 addrgenmode none up',
    'addr add 10.71.0.1/24 dev tap0',
    'addr add fd71::1/64 dev tap0 nodad',
    'neigh replace 10.71.0.2 lladdr 02:00:00:00:00:02 dev tap0',
  ]);
  return { lab, agent, guest, mac: await macOf(lab, 'tap0'), device: (name = 'tap0') => agent.device(lab.inode, name) };
}

/** Another namespace behind `up0`, which the host routes to. */
async function uplink(t: Test, { lab }: Scene): Promise<NamespaceLab> {
  const beyond = await namespaceLab(t);
  await lab.ipBatch([
    `link add up0 type veth peer name far0 netns ${beyond.name}`,
    'link set up0 addrgenmode none up',
    'addr add 10.99.0.1/24 dev up0',
  ]);
  await beyond.ipBatch(['link set far0 up', 'addr add 10.99.0.2/24 dev far0']);
  const far = await macOf(beyond, 'far0');
  await lab.ip(`neigh replace 10.99.0.2 lladdr ${far} dev up0 nud permanent`);
  await lab.exec('sysctl', '-q', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=0');
  return beyond;
}

/** What the host freed of the guest's packets, by reason; since Linux 5.17. */
function freedOf({ receive }: Device, unwanted = false): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const drop of receive?.refusedByHost ?? [])
    if ((drop.unwanted ?? false) === unwanted) sums[drop.reason] = (sums[drop.reason] ?? 0) + drop.packets;
  return sums;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

/** Once the host has freed so many of them: ksoftirqd may do it, after the writer is done. */
async function freedSoon(here: Scene, packets: number, name = 'tap0'): Promise<Device> {
  let device = await here.device(name);
  await until(async () => {
    device = await here.device(name);
    return sum(freedOf(device)) >= packets;
  });
  return device;
}

const skip = noLab || (isSince(5, 17) ? false : 'this kernel gives no reasons');
const TO_HOST = { from: '10.71.0.2', to: '10.71.0.1' };
const TO_FAR = { from: '10.71.0.2', to: '10.99.0.2', port: 9 };

test('a bad checksum, a port that nobody listens to, the address of another host, a tag of no VLAN', {
  skip,
}, async (t) => {
  const here = await scene(t);
  await here.guest.frame('a', 11, ethernet(here.mac, datagram({ ...TO_HOST, port: 9 })));
  await here.guest.frame('a', 12, ethernet('02:00:00:00:00:99', datagram({ ...TO_HOST, port: 9 })));
  await here.guest.frame('a', 13, tagged(7, ethernet(here.mac, datagram({ ...TO_HOST, port: 9 }))));
  await here.guest.frame('a', 14, ethernet(here.mac, datagram({ from: 'fd71::2', to: 'fd71::1', port: 9 })));
  const bad = datagram({ ...TO_HOST, port: 9, badChecksum: true });
  await here.guest.frame('a', 15, ethernet(here.mac, bad));
  const device = await freedSoon(here, 65);
  assert.deepEqual(freedOf(device), { NO_SOCKET: 25, OTHERHOST: 25, UDP_CSUM: 15 });
  assert.deepEqual([freedOf(device, true), droppedBefore(device)], [{}, 0]);
});

/** A service of the host that waits as its words say, and reads what comes; of Node, by epoll. */
const SERVICES = {
  epoll: ['node', '-e', "require('node:dgram').createSocket('udp4').on('message', () => {}).bind(7)"],
  select: ['socat', '-u', 'UDP4-RECV:7', 'OPEN:/dev/null'],
};

for (const [call, service] of Object.entries(SERVICES))
  test(`damaged datagrams that a program finds by ${call}()`, { skip }, async (t) => {
    const here = await scene(t);
    const program = spawn('nsenter', [...inside(here.lab.name), ...service], { stdio: 'ignore' });
    here.lab.after(() => {
      program.kill();
      return once(program, 'exit');
    });
    await until(async () => (await here.lab.exec('cat', '/proc/net/udp')).includes(':0007 '));
    await here.guest.frame('a', 20, ethernet(here.mac, datagram({ ...TO_HOST, port: 7, badChecksum: true })));
    await until(async () => (await errorsOf(here.lab, 'UdpInCsumErrors')) === 20);
    assert.deepEqual(freedOf(await freedSoon(here, 20)), { UDP_CSUM: 20 });
  });

for (const [family, from, to] of [
  ['IPv4', '10.71.0.2', '10.71.0.1'],
  ['IPv6', 'fd71::2', 'fd71::1'],
] as const)
  test(`a socket of the host whose buffer is full, ${family}`, { skip }, async (t) => {
    const here = await scene(t);
    const service = await here.lab.testReader();
    await service.bind(7, 4096);
    await here.guest.frame('a', 200, ethernet(here.mac, datagram({ from, to, port: 7, size: 400 })));
    const counter = family === 'IPv4' ? 'UdpRcvbufErrors' : 'Udp6RcvbufErrors';
    const refused = await errorsOf(here.lab, counter);
    assert.ok(refused > 100 && refused < 200, `${refused}`);
    assert.deepEqual(freedOf(await freedSoon(here, refused)), { SOCKET_RCVBUFF: refused });
    // What lies in it had arrived.
    await service.quit();
    assert.deepEqual(freedOf(await here.device()), { SOCKET_RCVBUFF: refused });
  });

async function errorsOf(lab: NamespaceLab, counter: string): Promise<number> {
  const file = counter.startsWith('Udp6') ? '/proc/net/snmp6' : '/proc/net/snmp';
  const lines = (await lab.exec('cat', file)).split('\n').map((line) => line.split(/\s+/));
  if (counter.startsWith('Udp6')) return Number(lines.find(([name]) => name === counter)?.[1]);
  const [names = [], values = []] = lines.filter(([name]) => name === 'Udp:');
  return Number(values[names.indexOf(counter.replace('Udp', ''))]);
}

test('a firewall in postrouting, a hop limit of 1, a route to nowhere', { skip }, async (t) => {
  const here = await scene(t);
  await uplink(t, here);
  await here.lab.exec('nft', 'add table ip f; add chain ip f c { type filter hook postrouting priority 0; }');
  await here.lab.exec('nft', 'add rule ip f c ip saddr 10.71.0.2 udp dport 9 drop');
  await here.lab.ip('route add blackhole 10.98.0.0/24');
  await here.guest.frame('a', 21, ethernet(here.mac, datagram(TO_FAR)));
  await here.guest.frame('a', 22, ethernet(here.mac, datagram({ ...TO_FAR, ttl: 1 })));
  await here.guest.frame('a', 23, ethernet(here.mac, datagram({ ...TO_FAR, to: '10.98.0.1' })));
  const device = await freedSoon(here, 66);
  const { NETFILTER_DROP, ...others } = freedOf(device);
  assert.equal(NETFILTER_DROP, 21);
  assert.deepEqual(Object.values(others).sort(), [22, 23], JSON.stringify(others));
  assert.ok(device.receive?.refusedByHost?.some(({ location }) => location === 'ip_forward'));
});

test('the qdisc of the uplink, behind a route', { skip }, async (t) => {
  const here = await scene(t);
  await uplink(t, here);
  await here.lab.tc('qdisc replace dev up0 root tbf rate 80bit burst 1540 limit 5000');
  await here.guest.frame('a', 100, ethernet(here.mac, datagram(TO_FAR)));
  const dropped = await droppedOf(here, 'up0', 100);
  assert.equal(sum(freedOf(await freedSoon(here, dropped))), dropped);
});

/** What the qdisc of the device dropped, once it has dropped, sent or kept so many packets. */
async function droppedOf({ lab }: Scene, device: string, packets: number): Promise<number> {
  let dropped = 0;
  await until(async () => {
    const [tbf] = await lab.qdisc(device);
    dropped = tbf?.dropped ?? 0;
    return dropped + (tbf?.sentPackets ?? 0) + (tbf?.backlogPackets ?? 0) >= packets;
  });
  assert.ok(dropped > 0);
  return dropped;
}

/** tap0, tap1 and a veth are ports; the guest of tap1 is known by its address. */
async function bridged(t: Test): Promise<Scene & { readonly beyond: NamespaceLab }> {
  const here = await scene(t);
  const beyond = await namespaceLab(t);
  await here.guest.open('b', 'tap1', 'tap');
  // Else the bridge reports its own groups by its ports, whose qdiscs drop such a packet beside the guest's.
  await here.lab.exec('sysctl', '-q', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1');
  await here.lab.ipBatch([
    'link add br0 type bridge mcast_snooping 0 forward_delay 0',
    `link add up0 type veth peer name far0 netns ${beyond.name}`,
    ...['br0', 'up0', 'tap1'].map((device) => `link set ${device} addrgenmode none up`),
    ...['tap0', 'tap1', 'up0'].map((device) => `link set ${device} master br0`),
  ]);
  await beyond.ip('link set far0 up');
  await here.lab.exec('bridge', 'fdb', 'add', '02:00:00:00:00:77', 'dev', 'up0', 'master', 'static');
  await here.lab.exec('bridge', 'fdb', 'add', '02:00:00:00:00:03', 'dev', 'tap1', 'master', 'static');
  await here.lab.forwards('tap0');
  return { ...here, beyond };
}

test('the qdisc of the uplink, behind a bridge', { skip }, async (t) => {
  const here = await bridged(t);
  await here.lab.tc('qdisc replace dev up0 root tbf rate 80bit burst 1540 limit 5000');
  await here.guest.frame('a', 100, ethernet('02:00:00:00:00:77', datagram(TO_FAR)));
  const dropped = await droppedOf(here, 'up0', 100);
  assert.equal(sum(freedOf(await freedSoon(here, dropped))), dropped);
});

test('from one guest to another: lost before the other’s tap, it is a loss of both', { skip }, async (t) => {
  const here = await bridged(t);
  await here.lab.tc('qdisc replace dev tap1 root tbf rate 80bit burst 1540 limit 5000');
  await here.guest.frame('a', 100, ethernet('02:00:00:00:00:03', datagram(TO_FAR)));
  const dropped = await droppedOf(here, 'tap1', 100);
  const device = await freedSoon(here, dropped);
  assert.equal(sum(freedOf(device)), dropped);
  assert.equal(droppedBefore(device), 0);
  const other = await here.device('tap1');
  assert.deepEqual([droppedBefore(other), freedOf(other)], [dropped, {}]);
});

test('a bridge that has an address: its socket, its firewall, and who else listens', { skip }, async (t) => {
  const here = await bridged(t);
  const mac = await macOf(here.lab, 'br0');
  const toBridge = (port: number): Buffer => ethernet(mac, datagram({ from: '10.72.0.2', to: '10.72.0.1', port }));
  await here.lab.ipBatch(['addr add 10.72.0.1/24 dev br0', 'neigh replace 10.72.0.2 lladdr 02:00:00:00:00:02 dev br0']);
  await here.lab.exec('sysctl', '-q', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=0');
  await here.lab.exec('nft', 'add table ip f; add chain ip f c { type filter hook forward priority 0; }');
  await here.lab.exec('nft', 'add rule ip f c ip daddr 10.71.0.9 drop');
  await here.guest.frame('a', 31, toBridge(9));
  await here.guest.frame('a', 32, ethernet(mac, datagram({ from: '10.72.0.2', to: '10.71.0.9', port: 9 })));
  await here.guest.frame('a', 33, ethernet(EVERYONE, datagram({ from: '10.72.0.2', to: '10.72.0.255', port: 9 })));
  assert.deepEqual(freedOf(await freedSoon(here, 63)), { NO_SOCKET: 31, NETFILTER_DROP: 32 });
  assert.equal(sum(freedOf(await here.device(), true)), 33);
  // The bridge passes its own stack a copy of what is for others.
  await here.lab.ip('link set br0 promisc on');
  await here.guest.frame('a', 34, ethernet('02:00:00:00:00:03', datagram(TO_FAR)));
  assert.deepEqual(freedOf(await here.device()), { NO_SOCKET: 31, NETFILTER_DROP: 32 });
  assert.deepEqual(freedOf(await here.device('tap1')), {});
});

test('the same number is another device in another namespace', { skip }, async (t) => {
  const [one, other] = [await scene(t), await scene(t)];
  const numbers = [(await one.device()).ifindex, (await other.device()).ifindex];
  assert.equal(numbers[0], numbers[1]);
  for (const here of [one, other]) {
    await uplink(t, here);
    await here.lab.exec(
      'nft',
      'add table ip f; add chain ip f c { type filter hook postrouting priority 0; policy drop; }',
    );
  }
  await one.guest.frame('a', 30, ethernet(one.mac, datagram(TO_FAR)));
  await other.guest.frame('a', 40, ethernet(other.mac, datagram(TO_FAR)));
  assert.deepEqual(freedOf(await freedSoon(one, 30)), { NETFILTER_DROP: 30 });
  assert.deepEqual(freedOf(await freedSoon(other, 40)), { NETFILTER_DROP: 40 });
});

test('broadcasts and multicasts that the host has no use for are counted apart', { skip }, async (t) => {
  const here = await scene(t);
  const toAll = (to: string, count: number, mac = EVERYONE): Promise<unknown> =>
    here.guest.frame(
      'a',
      count,
      ethernet(mac, datagram({ from: to.includes(':') ? 'fd71::2' : '10.71.0.2', to, port: 9 })),
    );
  await toAll('255.255.255.255', 20);
  await toAll('10.71.0.255', 21);
  await toAll('224.0.0.251', 22, '01:00:5e:00:00:fb');
  await toAll('ff02::fb', 23, '33:33:00:00:00:fb');
  await here.guest.frame('a', 24, ethernet(EVERYONE, Buffer.alloc(46), 0x8899));
  let unwanted = 0;
  await until(async () => {
    unwanted = sum(freedOf(await here.device(), true));
    return unwanted >= 110;
  });
  const device = await here.device();
  assert.deepEqual([unwanted, freedOf(device)], [110, {}]);
  // A firewall's drop of such is a loss.
  await here.lab.exec(
    'nft',
    'add table ip f; add chain ip f c { type filter hook prerouting priority 0; policy drop; }',
  );
  await toAll('255.255.255.255', 25);
  assert.deepEqual(freedOf(await freedSoon(here, 25)), { NETFILTER_DROP: 25 });
});
