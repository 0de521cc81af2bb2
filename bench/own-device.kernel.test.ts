// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// What bench sets on its taps, as rtnetlink shows it afterwards.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { readLinks, readQdiscs } from '../src/kernel/rtnetlink.ts';
import { until } from '../test/host/until.ts';
import { bridge, deleteLink, makeMacvtap, type QdiscKind, raise } from './own-device.ts';
import { startTraffic, type Traffic } from './traffic/traffic.ts';

const skip =
  (process.getuid?.() !== 0 && 'needs root') || (!existsSync('/dev/net/tun') && 'needs /dev/net/tun: modprobe tun');
const IFF_UP = 1;

async function raised(t: TestContext, queues: number, qdisc: QdiscKind): Promise<Traffic> {
  const traffic = await startTraffic();
  t.after(() => traffic.end());
  for (let queue = 0; queue < queues; queue++) await traffic.open(`q${queue}`, 'own0', queues > 1 ? ['mq'] : []);
  await raise({ namespace: traffic.namespace, name: 'own0', queues }, 77, qdisc);
  return traffic;
}

/** The kinds of qdiscs, without the loopback's. */
async function qdiscKinds({ namespace }: Traffic): Promise<readonly string[]> {
  const own = (await readLinks(namespace)).find(({ name }) => name === 'own0')?.ifindex;
  return (await readQdiscs(namespace)).flatMap(({ ifindex, kind }) => (ifindex === own ? [kind] : [])).sort();
}

test('the device is up, with its ring', { skip }, async (t) => {
  const { namespace } = await raised(t, 1, 'noqueue');
  const link = (await readLinks(namespace)).find(({ name }) => name === 'own0');
  assert.deepEqual([link?.txqlen, (link?.flags ?? 0) & IFF_UP], [77, IFF_UP]);
});

test('one queue has the qdisc as its root, several have one each', { skip }, async (t) => {
  const one = await raised(t, 1, 'fq_codel').catch((error: unknown) => String(error));
  if (typeof one === 'string') {
    assert.equal(one, 'Error: this kernel gives no qdisc fq_codel');
    t.skip(one);
    return;
  }
  assert.deepEqual(await qdiscKinds(one), ['fq_codel']);
  const four = ['fq_codel', 'fq_codel', 'fq_codel', 'fq_codel', 'mq'];
  assert.deepEqual(await qdiscKinds(await raised(t, 4, 'fq_codel')), four);
});

test('noqueue is none, with any number of queues', { skip }, async (t) => {
  for (const queues of [1, 4]) {
    const { namespace } = await raised(t, queues, 'noqueue');
    assert.equal((await readLinks(namespace)).find(({ name }) => name === 'own0')?.qdisc, 'noqueue');
  }
});

test('what is sent on a bridge arrives at each of its taps', {
  skip: skip || (!existsSync('/sys/module/bridge') && 'needs the bridge: modprobe bridge'),
}, async (t) => {
  const traffic = await startTraffic();
  t.after(() => traffic.end());
  const { namespace } = traffic;
  const taps = ['own0', 'own1'];
  for (const name of taps) {
    await traffic.open(name, name, []);
    await raise({ namespace, name, queues: 1 }, 77, 'noqueue');
    await traffic.read(name);
  }
  await bridge(namespace, 'own-bridge', ['own0']);
  await bridge(namespace, 'own-bridge', ['own1']);
  await traffic.flood('own-bridge', 1000, 1);
  const sent = async (): Promise<readonly number[]> =>
    (await readLinks(namespace)).filter(({ name }) => taps.includes(name)).map(({ stats64 }) => stats64.txPackets);
  await until(async () => (await sent()).every((packets) => packets >= 100));
  await traffic.calm();
  const packets = await sent();
  assert.equal(packets[0], packets[1]);
  assert.deepEqual([await traffic.stopReading('own0'), await traffic.stopReading('own1')], packets);
  await assert.rejects(bridge(namespace, 'own-bridge', ['gone0']), /gone0/);
});

/** In a VM other files load them between the import of this one and its tests. */
function missingDrivers(): readonly string[] {
  return ['macvtap', 'dummy'].filter((driver) => !existsSync(`/sys/module/${driver}`));
}

test('a macvtap is opened, what is sent on it is discarded below, and it goes with its lower device', {
  skip,
}, async (t) => {
  const drivers = missingDrivers();
  if (drivers.length > 0) return t.skip(`needs modprobe -a ${drivers.join(' ')}`);
  const traffic = await startTraffic();
  t.after(() => traffic.end());
  const { namespace } = traffic;
  await makeMacvtap(namespace, 'own0', 'own-lower');
  await traffic.open('q0', 'own0', ['vnet'], 'macvtap');
  await raise({ namespace, name: 'own0', queues: 1 }, 77, 'noqueue');
  await traffic.flood('own0', 1000, 1);
  const sent = async (name: string): Promise<number> =>
    (await readLinks(namespace)).find((link) => link.name === name)?.stats64.txPackets ?? 0;
  await until(async () => (await sent('own0')) >= 20);
  await traffic.calm();
  assert.equal(await sent('own-lower'), await sent('own0'));
  await traffic.close('q0');
  await deleteLink(namespace, 'own-lower');
  assert.deepEqual(
    (await readLinks(namespace)).filter(({ name }) => name.startsWith('own')),
    [],
  );
});

test('without its driver no macvtap is made', { skip }, async (t) => {
  const [driver] = missingDrivers();
  if (driver === undefined) return t.skip('they are loaded');
  const traffic = await startTraffic();
  t.after(() => traffic.end());
  const message = `the module ${driver} is not loaded: modprobe ${driver}`;
  await assert.rejects(makeMacvtap(traffic.namespace, 'own0', 'own-lower'), { code: 'MODULE', message });
});

test('a qdisc that the kernel does not know, and a device that is not there', { skip }, async (t) => {
  const { namespace } = await raised(t, 1, 'noqueue');
  const device = { namespace, name: 'own0', queues: 1 };
  const unknown = 'no-such' as QdiscKind;
  await assert.rejects(raise(device, 77, unknown), { code: 'QDISC', message: 'this kernel gives no qdisc no-such' });
  await assert.rejects(raise({ ...device, name: 'gone0' }, 77, 'noqueue'), /gone0/);
});
