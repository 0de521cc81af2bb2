// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// What the configuration around a device does with its packets, played on the real kernel: each fault is named, each healthy twin is not.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import {
  assertTold,
  bridged,
  CLEAN,
  fdb,
  GUEST,
  learned,
  often,
  redirected,
  SECONDS,
  streamTo,
} from '../../test/agent/asked-tap.ts';
import { answerTo, type Scene, scene } from '../../test/agent/on-call.ts';
import { datagram, ethernet } from '../../test/host/frames.ts';
import { macOf, type NamespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';

test('a bridge that has the guest’s address at its port', { skip: noLab }, async (t) => {
  const one = await bridged(t);
  await learned(one);
  await streamTo(one, '10.90.0.2');
  await assertTold(one, CLEAN);
});

test('a program writes the guest’s address to another port', { skip: noLab }, async (t) => {
  const one = await bridged(t);
  await learned(one);
  await fdb(one, `${GUEST} dev tap1 master static`);
  await streamTo(one, '10.90.0.2');
  await assertTold(one, /^warning: bridge-table .*frames for 02:00:00:00:00:01, which is behind it, to tap1/);
  await one.lab.exec('bridge', ...`fdb del ${GUEST} dev tap1 master`.split(' '));
  await wait(1500);
  await assertTold(one, CLEAN);
});

test('a program writes an address to another port, before its guest has sent', { skip: noLab }, async (t) => {
  const one = await bridged(t);
  const address = '02:00:00:00:00:02';
  await one.lab.ip(`neigh replace 10.90.0.2 lladdr ${address} dev ve0 nud permanent`);
  await fdb(one, `${address} dev tap1 master static`);
  await streamTo(one, '10.90.0.2');
  await assertTold(one, /^unknown: not-here/);
  // The address is the other guest's: it sends from there.
  const reply = ethernet(await macOf(one.lab, 've0'), datagram({ from: '10.90.0.2', to: '10.90.0.1', port: 9 }));
  await (await one.lab.testReader()).bind(9, 8_000_000);
  often(one, 100, () => one.reader.frame('b', 1, reply));
  await wait(1500);
  await assertTold(one, /^ok: not-here/);
});

test('the guest’s address is written as one of the bridge’s own', { skip: noLab }, async (t) => {
  const one = await bridged(t);
  await fdb(one, `${GUEST} dev tap0 master permanent`);
  await streamTo(one, '10.90.0.2');
  await assertTold(
    one,
    /^warning: bridge-table .*frames for 02:00:00:00:00:01, which is behind it, to the host itself/,
  );
});

test('a stale entry of another host’s address beside good traffic', { skip: noLab }, async (t) => {
  const one = await bridged(t);
  await learned(one);
  await fdb(one, '02:00:00:00:00:99 dev tap1 master static');
  await streamTo(one, '10.90.0.2');
  await assertTold(one, CLEAN);
});

test('the port by which frames for the guest come is closed, and open again', { skip: noLab }, async (t) => {
  const one = await bridged(t);
  await learned(one);
  await streamTo(one, '10.90.0.2');
  await one.lab.exec('bridge', ...'link set dev ve1 state 0'.split(' '));
  await assertTold(one, /^warning: bridge-table .*they come by ve1, and that port of br0 does not forward/);
  await one.lab.exec('bridge', ...'link set dev ve1 state 3'.split(' '));
  await wait(1500);
  await assertTold(one, CLEAN);
});

test('two guests send from one address, and then one of them', { skip: noLab }, async (t) => {
  const one = await bridged(t);
  let isTwice = true;
  often(one, 100, async () => {
    await one.reader.write('a', 2, 64);
    if (isTwice) await one.reader.write('b', 2, 64);
  });
  await assertTold(one, /^warning: bridge-table .*to tap1/);
  isTwice = false;
  await one.agent.snapshot();
  await wait(11_000); // what was sent then is no longer lately
  await assertTold(one, CLEAN);
});

test('a port that does not flood multicast', { skip: noLab }, async (t) => {
  const one = await bridged(t);
  await one.lab.exec('bridge', ...'link set dev tap0 mcast_flood off'.split(' '));
  await streamTo(one, '239.1.2.3');
  await assertTold(one, /^warning: bridge-table .*does not flood multicast/);
});

/** tap0's guest sends so many frames a round to the address. */
function sendsTo(one: Scene, address: string): void {
  const frame = ethernet(address, Buffer.alloc(46), 0x88b5);
  often(one, 100, () => one.reader.frame('a', 5, frame));
}

test('what the guest sends to many does not reach a port that does not flood', { skip: noLab }, async (t) => {
  const one = await bridged(t);
  sendsTo(one, 'ff:ff:ff:ff:ff:ff');
  await assertTold(one, CLEAN, 'tap0', 2);
  await one.lab.exec('bridge', ...'link set dev tap1 bcast_flood off'.split(' '));
  await assertTold(one, /^warning: bridge-table .*from its guest do not reach tap1: .*does not flood broadcasts/);
  // The bridge answers in the place of those behind the port.
  await one.lab.exec('bridge', ...'link set dev tap1 neigh_suppress on'.split(' '));
  await wait(1500);
  await assertTold(one, CLEAN, 'tap0', 2);
});

test('the guest sends to an address that is written as the bridge’s own', { skip: noLab }, async (t) => {
  const one = await bridged(t);
  const other = '02:00:00:00:00:0b';
  sendsTo(one, other);
  await assertTold(one, CLEAN, 'tap0', 2);
  await fdb(one, `${other} dev br0 self local`);
  await assertTold(
    one,
    /^warning: bridge-table .*br0 gives \d+ frames to 02:00:00:00:00:0b from its guest to the host/,
  );
});

async function redirectTo(lab: NamespaceLab, from: string, to: string): Promise<void> {
  await lab.tc(`qdisc add dev ${from} ingress`);
  await lab.tc(
    `filter add dev ${from} parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev ${to}`,
  );
}

test('tc of another device redirects to a tap that is read, and then to one whose reader has gone', {
  skip: noLab,
}, async (t) => {
  const one = await redirected(t);
  await redirectTo(one.lab, 've1', 'tap1');
  await streamTo(one, '10.90.0.2');
  await assertTold(one, CLEAN, 'tap1');
  await one.reader.stop('b');
  await one.reader.close('b');
  await assertTold(one, /^warning: no-reader \(tap1 loses every packet sent to it \([1-9]/, 'tap1');
});

test('tc still names a tap that was deleted and made again', { skip: noLab }, async (t) => {
  const one = await redirected(t);
  await redirectTo(one.lab, 've1', 'tap1');
  await one.lab.ip('link del tap1');
  await streamTo(one, '10.90.0.2');
  await assertTold(one, /^warning: redirected-away .*tc at ve1 \(ingress\) redirected \d+ to a device that is gone/);
});

test('a guest’s packets are redirected to a device that is up, and then down', { skip: noLab }, async (t) => {
  const one = await redirected(t);
  await redirectTo(one.lab, 'tap0', 've0');
  often(one, 100, () => one.reader.write('a', 20, 64));
  await assertTold(one, CLEAN);
  await one.lab.ip('link set ve0 down');
  await assertTold(
    one,
    /^(warning|critical): redirected-away .*of \d+ packets that tc redirects at its ingress to ve0/,
  );
});

test('tc redirects what a guest sends to a device whose qdisc is full', { skip: noLab }, async (t) => {
  const one = await redirected(t);
  await redirectTo(one.lab, 'tap0', 've0');
  await one.lab.tc('qdisc replace dev ve0 root tbf rate 100kbit burst 2000 limit 3000');
  often(one, 100, () => one.reader.write('a', 20, 1000));
  await assertTold(one, /^warning: redirected-away .*to ve0, whose qdisc refuses them/);
});

/** tap0 has 10.91.0.1/24 and a neighbour. */
async function routed(t: TestContext): Promise<Scene> {
  const one = await redirected(t);
  await one.lab.ipBatch([
    'addr add 10.91.0.1/24 dev tap0',
    'neigh replace 10.91.0.7 lladdr 02:00:00:00:00:07 dev tap0 nud permanent',
  ]);
  return one;
}

test('routes that lead to the device', { skip: noLab }, async (t) => {
  await assertTold(await routed(t), CLEAN);
});

test('a more specific route leads past the device', { skip: noLab }, async (t) => {
  const one = await routed(t);
  await one.lab.ip('route add 10.91.0.0/28 dev ve0');
  await assertTold(one, /^warning: redirected-away .*routes lead 10\.91\.0\.\d, which is behind it, to ve0/);
});

test('a rule of policy routing leads past the device', { skip: noLab }, async (t) => {
  const one = await routed(t);
  await one.lab.ipBatch(['rule add to 10.91.0.7 lookup 100', 'route add default dev ve0 table 100']);
  await assertTold(one, /^warning: redirected-away .*routes lead 10\.91\.0\.7, which is behind it, to ve0/);
});

test('a blackhole for a neighbour', { skip: noLab }, async (t) => {
  const one = await routed(t);
  await one.lab.ip('route add blackhole 10.91.0.7/32');
  await assertTold(one, /^warning: redirected-away .*10\.91\.0\.7, which is behind it, to nowhere \(blackhole\)/);
});

test('carrier off by ip link, and on again', { skip: noLab }, async (t) => {
  const one = await scene(t, 1000);
  await one.reader.readLoop('a', 0);
  await streamTo(one, '10.77.0.2');
  await one.lab.ip('link set tap0 carrier off');
  await assertTold(one, /^warning: carrier-off \(tap0 loses every packet sent to it: its carrier is off/);
  await one.lab.ip('link set tap0 carrier on');
  await wait(1500);
  await assertTold(one, CLEAN);
});

test('a persistent tap that belongs to another user and that nobody has open', { skip: noLab }, async (t) => {
  const one = await scene(t, 1000);
  await one.lab.ip('tuntap add dev tap7 mode tap user 1234');
  await one.lab.ip('link set tap7 up');
  const { answer, findings } = await answerTo(one, 'tap7', SECONDS);
  assert.deepEqual([answer, findings[0]?.rule], ['warning', 'no-reader']);
  assert.match(findings[0]?.evidence.join('\n') ?? '', /user 1234 may open it, others need CAP_NET_ADMIN/);
});

test('10 000 addresses, and a table that is too long', { skip: noLab }, async (t) => {
  const one = await bridged(t);
  await learned(one);
  const entries = (from: number, to: number): string =>
    `for i in $(seq ${from} ${to}); do printf 'fdb add 06:00:00:%02x:%02x:%02x dev ve1 master static\\n' $((i>>16)) $((i>>8&255)) $((i&255)); done | bridge -batch -`;
  await one.lab.exec('bash', '-c', entries(1, 10_000));
  await streamTo(one, '10.90.0.2');
  one.agent.ask();
  await one.agent.snapshot();
  const began = performance.now();
  await one.agent.snapshot();
  assert.ok(performance.now() - began < 1500, `${performance.now() - began} ms`);
  await assertTold(one, CLEAN);
  await one.lab.exec('bash', '-c', entries(10_001, 40_000));
  const unread = async (): Promise<readonly string[] | undefined> => {
    one.agent.ask();
    return (await one.agent.device(one.lab.inode, 'tap0')).surroundings?.unread;
  };
  await until(async () => (await unread())?.includes('the addresses of br0 (there are too many)') ?? false);
});
