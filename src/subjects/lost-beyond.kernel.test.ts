// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, nftables.
// Packets from the guest that are lost where the kernel no longer knows by which device they came: behind a veth and inside of a tunnel.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type AgentLab, standingLab } from '../../test/agent/agent-lab.ts';
import { datagram, ethernet } from '../../test/host/frames.ts';
import { macOf, type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { isSince } from '../../test/host/release.ts';
import { routeToVeth } from '../../test/host/routed-veth.ts';
import { until } from '../../test/host/until.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';
import type { Device, WaitBeyond } from '../snapshot/device.ts';

type Test = Parameters<typeof namespaceLab>[0];

const skip = noLab;
const TO_FAR = { from: '10.71.0.2', to: '10.99.0.2', port: 9 };

/** A tap that the host routes to `up0`, a veth whose other end is `far0` in another namespace. */
interface Scene {
  readonly lab: NamespaceLab;
  readonly far: NamespaceLab;
  readonly guest: TestReader;
  readonly mac: string;
  device(): Promise<Device>;
  /** Lost when the scene was set, by reason: the namespace and its numbers are those of the test before. */
  readonly lost: Readonly<Record<string, number>>;
}

async function scene(t: Test): Promise<Scene> {
  const [lab, far] = [await namespaceLab(t), await namespaceLab(t)];
  const agent: AgentLab = await standingLab('question');
  const guest = await lab.testReader();
  await guest.open('a', 'tap0', 'tap');
  await routeToVeth(lab, far);
  await far.ip('route add 10.71.0.0/24 dev far0');
  await far.ip(`neigh replace 10.71.0.2 lladdr ${await macOf(lab, 'up0')} dev far0 nud permanent`);
  const device = (): Promise<Device> => agent.device(lab.inode, 'tap0');
  await device(); // the question is open from here on
  await until(async () => (await device()).sentOn !== undefined);
  return { lab, far, guest, mac: await macOf(lab, 'tap0'), device, lost: byReason(await device()) };
}

function byReason({ lostBeyond = [] }: Device): Record<string, number> {
  const lost: Record<string, number> = {};
  for (const { reason, packets } of lostBeyond) lost[reason] = (lost[reason] ?? 0) + packets;
  return lost;
}

/** Before Linux 5.17 no packet has a reason: it is the function that tells. */
function expected(lost: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return isSince(5, 17) ? lost : { NOT_SPECIFIED: sumOf(lost) };
}

function sumOf(lost: Readonly<Record<string, number>>): number {
  return Object.values(lost).reduce((sum, packets) => sum + packets, 0);
}

/** Once so many were lost there, by reason. */
async function lostSoon({ device, lost: before }: Scene, packets: number): Promise<Readonly<Record<string, number>>> {
  let lost: Readonly<Record<string, number>> = {};
  await until(async () => {
    const grown = Object.entries(byReason(await device())).map(([reason, now]) => [
      reason,
      now - (before[reason] ?? 0),
    ]);
    lost = Object.fromEntries(grown.filter(([, some]) => some !== 0));
    return sumOf(lost) >= packets;
  });
  return lost;
}

test('a firewall and a closed port in the namespace behind a veth', { skip }, async (t) => {
  const here = await scene(t);
  await here.far.exec('nft', 'add table ip f; add chain ip f c { type filter hook input priority 0; }');
  await here.far.exec('nft', 'add rule ip f c udp dport 10 drop');
  // The host's own packets take the same way, and are lost there too.
  await here.lab
    .exec('sh', '-c', 'for one in 1 2 3 4 5; do echo own >/dev/udp/10.99.0.2/10; done', 'bash')
    .catch(() => '');
  await here.guest.frame('a', 21, ethernet(here.mac, datagram({ ...TO_FAR, port: 10 })));
  await here.guest.frame('a', 22, ethernet(here.mac, datagram(TO_FAR)));
  assert.deepEqual(await lostSoon(here, 43), expected({ NETFILTER_DROP: 21, NO_SOCKET: 22 }));
  const { lostBeyond = [], receive } = await here.device();
  for (const { beyond } of lostBeyond) assert.deepEqual(beyond, { netns: here.far.inode, sentBy: 'up0' });
  assert.deepEqual(receive?.refusedByHost, []);
});

test('a bridge between them', { skip }, async (t) => {
  const here = await scene(t);
  await here.lab.ipBatch([
    'link add br0 type bridge mcast_snooping 0 forward_delay 0',
    'link set br0 addrgenmode none up',
    ...['tap0', 'up0'].map((device) => `link set ${device} master br0`),
  ]);
  await here.lab.forwards('tap0');
  await here.guest.frame('a', 23, ethernet(await macOf(here.far, 'far0'), datagram(TO_FAR)));
  assert.deepEqual(await lostSoon(here, 23), expected({ NO_SOCKET: 23 }));
});

/** By a tbf, once all of the hundred packets have come to it. */
async function droppedOf(lab: NamespaceLab, name: string): Promise<number> {
  let dropped = 0;
  await until(async () => {
    const [tbf] = await lab.qdisc(name);
    dropped = tbf?.dropped ?? 0;
    return dropped + (tbf?.sentPackets ?? 0) + (tbf?.backlogPackets ?? 0) >= 100;
  });
  return dropped;
}

/** Behind the namespace `far`, by its on0, is 10.88.0.2, where port 9 is open. */
async function twoFurtherOn(t: Test, { far, lab }: Scene): Promise<void> {
  const end = await namespaceLab(t);
  await far.ipBatch([
    `link add on0 type veth peer name end0 netns ${end.name}`,
    'link set on0 addrgenmode none up',
    'addr add 10.88.0.1/24 dev on0',
  ]);
  await end.ipBatch([
    'link set end0 addrgenmode none up',
    'addr add 10.88.0.2/24 dev end0',
    'route add 10.71.0.0/24 dev end0',
  ]);
  await (await end.testReader()).bind(9, 4_000_000);
  await far.ip(`neigh replace 10.88.0.2 lladdr ${await macOf(end, 'end0')} dev on0 nud permanent`);
  await lab.ip('route add 10.88.0.0/24 via 10.99.0.2');
}

test('a full qdisc two devices further on', { skip }, async (t) => {
  const here = await scene(t);
  await twoFurtherOn(t, here);
  await here.far.tc('qdisc replace dev on0 root tbf rate 80bit burst 1540 limit 5000');
  await here.guest.frame('a', 100, ethernet(here.mac, datagram({ ...TO_FAR, to: '10.88.0.2' })));
  const dropped = await droppedOf(here.far, 'on0');
  assert.ok(dropped > 0);
  const lost = await lostSoon(here, dropped);
  assert.equal(sumOf(lost), dropped, JSON.stringify(lost));
});

/** A tunnel by up0 to an address in 10.77.0.0/24; false: this kernel has no vxlan. */
async function tunnelled({ lab }: Scene): Promise<boolean> {
  try {
    await lab.ipBatch([
      'link add vx0 type vxlan id 7 local 10.99.0.1 remote 10.99.0.2 dstport 4789 dev up0',
      'link set vx0 addrgenmode none address 02:00:00:00:77:01 up',
      'addr add 10.77.0.1/24 dev vx0',
      'neigh replace 10.77.0.2 lladdr 02:00:00:00:77:02 dev vx0 nud permanent',
    ]);
  } catch {
    return false;
  }
  return true;
}

const NO_VXLAN = 'this kernel has no vxlan';

test('a firewall of the host that drops the tunnel’s packets', { skip }, async (t) => {
  const here = await scene(t);
  if (!(await tunnelled(here))) return t.skip(NO_VXLAN);
  await here.lab.exec('nft', 'add table ip f; add chain ip f c { type filter hook output priority 0; }');
  await here.lab.exec('nft', 'add rule ip f c udp dport 4789 drop');
  await here.guest.frame('a', 24, ethernet(here.mac, datagram({ ...TO_FAR, to: '10.77.0.2' })));
  assert.deepEqual(await lostSoon(here, 24), expected({ NETFILTER_DROP: 24 }));
});

test('a full qdisc of the device below the tunnel', { skip }, async (t) => {
  const here = await scene(t);
  if (!(await tunnelled(here))) return t.skip(NO_VXLAN);
  const end = await here.far.testReader();
  await end.bind(4789, 4_000_000); // what arrives is taken
  await here.lab.tc('qdisc replace dev up0 root tbf rate 80bit burst 1540 limit 5000');
  await here.guest.frame('a', 100, ethernet(here.mac, datagram({ ...TO_FAR, to: '10.77.0.2' })));
  const dropped = await droppedOf(here.lab, 'up0');
  assert.ok(dropped > 0);
  const lost = await lostSoon(here, dropped);
  assert.equal(sumOf(lost), dropped, JSON.stringify(lost));
});

test('a closed port behind both ends of a tunnel', { skip }, async (t) => {
  const here = await scene(t);
  if (!(await tunnelled(here))) return t.skip(NO_VXLAN);
  await here.far.ipBatch([
    'link add vx1 type vxlan id 7 local 10.99.0.2 remote 10.99.0.1 dstport 4789 dev far0',
    'link set vx1 addrgenmode none address 02:00:00:00:77:02 up',
    'addr add 10.77.0.2/24 dev vx1',
  ]);
  await here.guest.frame('a', 25, ethernet(here.mac, datagram({ ...TO_FAR, to: '10.77.0.2' })));
  assert.deepEqual(await lostSoon(here, 25), expected({ NO_SOCKET: 25 }));
});

test('what arrives there, and what others lose there, is no loss of the device', { skip }, async (t) => {
  const here = await scene(t);
  const server = await here.far.testReader();
  await server.bind(9, 4_000_000);
  await here.far.exec('nft', 'add table ip f; add chain ip f c { type filter hook input priority 0; }');
  await here.far.exec('nft', 'add rule ip f c udp dport 10 drop');
  const own = await here.lab.testReader();
  for (let round = 0; round < 10; round++) {
    await here.guest.frame('a', 20, ethernet(here.mac, datagram(TO_FAR)));
    await own.udp('10.99.0.2', 10, 20, 64);
  }
  assert.deepEqual(await lostSoon(here, 0), {});
});

test('a shaper two devices further on, by the time that each packet waited', { skip }, async (t) => {
  const here = await scene(t);
  await twoFurtherOn(t, here);
  const waited = async (): Promise<readonly WaitBeyond[]> =>
    ((await here.device()).waitsBeyond ?? []).filter(({ device }) => device === 'on0');
  const send = (): Promise<unknown> =>
    here.guest.frame('a', 20, ethernet(here.mac, datagram({ ...TO_FAR, to: '10.88.0.2' })));
  await send();
  await until(async () => (await waited())[0]?.packets === 20);
  const [quick] = await waited();
  assert.ok(quick && quick.seconds < 20 * 0.1, `nothing holds them: ${quick?.seconds} s`);
  assert.deepEqual({ netns: quick.netns, sentBy: quick.sentBy }, { netns: here.far.inode, sentBy: 'up0' });
  // Some twenty frames of a hundred bytes a second, of which a few go at once.
  await here.far.tc('qdisc replace dev on0 root tbf rate 16kbit burst 1540 limit 50000');
  await send();
  await until(async () => (await waited())[0]?.packets === 40);
  const held = ((await waited())[0]?.seconds ?? 0) - quick.seconds;
  assert.ok(held > 20 * 0.01, `${held} s`);
});

test('a device with the namespace and the number of one that was deleted begins anew', { skip }, async (t) => {
  const here = await scene(t);
  await twoFurtherOn(t, here);
  const ownWaits = async (): Promise<readonly WaitBeyond[]> =>
    ((await here.device()).waitsBeyond ?? []).filter(({ device }) => device === 'on0');
  const toFurther = { ...TO_FAR, to: '10.88.0.2' };
  await here.far.tc('qdisc replace dev on0 root tbf rate 16kbit burst 1540 limit 50000');
  await here.guest.frame('a', 30, ethernet(here.mac, datagram(toFurther)));
  await here.guest.frame('a', 7, ethernet(here.mac, datagram(TO_FAR)));
  // A run of a program that interrupts itself is skipped by the kernel, so that a wait may be missing.
  await until(async () => ((await ownWaits())[0]?.packets ?? 0) > 25);
  const { id, ifindex } = await here.device();
  await here.guest.close('a');
  await here.far.tc('qdisc del dev on0 root');
  // The first device of another namespace has the same number, and keeps it where that is free.
  const elsewhere = await namespaceLab(t);
  const guest = await elsewhere.testReader();
  await guest.open('a', 'tap0', 'tap');
  await elsewhere.ip(`link set tap0 netns ${here.lab.name}`);
  await here.lab.ipBatch(['link set tap0 addrgenmode none up', 'addr add 10.71.0.1/24 dev tap0']);
  await until(async () => (await here.device()).id !== id && (await here.device()).sentOn !== undefined);
  const { ifindex: again, sentOn, lostBeyond, waitsBeyond } = await here.device();
  assert.deepEqual([again, sentOn, lostBeyond, waitsBeyond], [ifindex, [], undefined, undefined]);
  await guest.frame('a', 5, ethernet(await macOf(here.lab, 'tap0'), datagram(toFurther)));
  await until(async () => (await ownWaits()).length > 0);
  const [wait] = await ownWaits();
  assert.ok(wait && wait.packets <= 5 && wait.seconds < 5 * 0.1, `${wait?.packets} packets, ${wait?.seconds} s`);
});
