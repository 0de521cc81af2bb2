// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Packets from the writer to the host: arrived, dropped and refused ones are equal to what each write() answered.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type AgentLab, standingLab } from '../../test/agent/agent-lab.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import type { Errors, TestReader } from '../../test/test-reader/test-reader.ts';
import type { Device } from '../snapshot/device.ts';

interface Scene {
  readonly lab: NamespaceLab;
  readonly agent: AgentLab;
  readonly testReader: TestReader;
  readonly device: () => Promise<Device>;
  /** The errors that the test reader answered, by errno. */
  readonly refused: Record<string, number>;
  readonly write: (...words: Parameters<TestReader['write']>) => Promise<number>;
}

type Test = Parameters<typeof namespaceLab>[0];

async function scene(t: Test, kind: 'tun' | 'tap', ...flags: Parameters<TestReader['open']>[3][]): Promise<Scene> {
  const lab = await namespaceLab(t);
  const agent = await standingLab();
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', kind, ...flags);
  await lab.ip('link set tap0 up');
  const refused: Record<string, number> = {};
  return {
    lab,
    agent,
    testReader,
    refused,
    device: () => agent.device(lab.inode, 'tap0'),
    write: async (...words) => {
      const { written, errors } = await testReader.write(...words);
      for (const [name, count] of Object.entries(errors)) refused[name] = (refused[name] ?? 0) + count;
      return written;
    },
  };
}

/** Refused writes by errno, without zeros; undefined: not measured on this host. */
function refusedOf({ receive }: Device): Errors | undefined {
  const seen = receive?.refused?.filter(({ writes }) => writes > 0);
  return seen && Object.fromEntries(seen.map(({ errno, writes }) => [errno, writes]));
}

function assertRefused({ agent, refused }: Scene, device: Device): void {
  assert.deepEqual(refusedOf(device), agent.mechanism('refused') === 'fexit' ? refused : undefined);
}

function uncounted({ uncounted: losses }: Device, cause: string): number | undefined {
  return losses.find((loss) => loss.cause === cause)?.packets;
}

test('what a writer sends arrives, and nothing else is counted', { skip: noLab }, async (t) => {
  const here = await scene(t, 'tap', 'vnet');
  assert.equal(await here.write('a', 50, 100), 50);
  const device = await here.device();
  const { rxPackets, rxBytes } = await here.lab.link('tap0');
  assert.deepEqual([device.counters?.rxPackets, device.counters?.rxBytes], [rxPackets, rxBytes]);
  assert.deepEqual([rxPackets, rxBytes], [50, 5000]);
  assert.deepEqual(device.receive?.dropped, []);
  assertRefused(here, device);
});

test('a device that is down', { skip: noLab }, async (t) => {
  const here = await scene(t, 'tap');
  await here.lab.ip('link set tap0 down');
  assert.equal(await here.write('a', 4, 100), 0);
  const device = await here.device();
  assert.deepEqual(here.refused, { EIO: 4 });
  assert.deepEqual(device.receive?.dropped, [{ reason: 'DEV_READY', location: 'tun_get_user', packets: 4 }]);
  assertRefused(here, device);
});

test('virtio-net headers that the kernel cannot follow are in no counter of a tap', { skip: noLab }, async (t) => {
  const here = await scene(t, 'tap', 'vnet');
  assert.equal(await here.write('a', 7, 100, { wrong: 'badheader' }), 0);
  const device = await here.device();
  assert.deepEqual(here.refused, { EINVAL: 7 });
  assert.equal(device.receive?.frameErrors, 7);
  assert.equal(uncounted(device, 'bad_header'), 7);
  if (here.agent.mechanism('refused') === 'fexit')
    assert.deepEqual(device.receive?.dropped, [{ reason: 'NOT_SPECIFIED', location: 'tun_get_user', packets: 7 }]);
  assertRefused(here, device);
});

test('frames too short, and frames that are not there', { skip: noLab }, async (t) => {
  const here = await scene(t, 'tap', 'vnet');
  assert.equal(await here.write('a', 5, 100, { cut: 8 }), 0);
  assert.equal(await here.write('a', 3, 100, { wrong: 'fault' }), 0);
  assert.equal(await here.write('a', 2, 9000, { wrong: 'fault' }), 0);
  const device = await here.device();
  assert.deepEqual(here.refused, { EINVAL: 5, EFAULT: 5 });
  // A small frame is copied before there is a packet that could be dropped.
  assert.deepEqual(device.receive?.dropped, [{ reason: 'SKB_UCOPY_FAULT', location: 'tun_get_user', packets: 2 }]);
  assert.equal(uncounted(device, 'bad_header'), 0);
  assertRefused(here, device);
});

test('packets of no IP version into a tun', { skip: noLab }, async (t) => {
  const here = await scene(t, 'tun');
  assert.equal(await here.write('a', 6, 100, { wrong: 'noip' }), 0);
  const device = await here.device();
  assert.deepEqual(here.refused, { EINVAL: 6 });
  assert.deepEqual(device.receive?.dropped, [{ reason: 'NOT_SPECIFIED', location: 'tun_get_user', packets: 6 }]);
  assert.equal(uncounted(device, 'bad_header'), undefined, 'the kernel counts them for a tun');
  assertRefused(here, device);
});

test('what is written to a detached queue arrives all the same', { skip: noLab }, async (t) => {
  const here = await scene(t, 'tap', 'mq');
  await here.testReader.open('b', 'tap0', 'tap', 'mq');
  await here.testReader.detach('b');
  assert.equal(await here.write('b', 8, 100), 8);
  assert.equal(await here.write('a', 9, 100), 9);
  const device = await here.device();
  assert.equal(device.counters?.rxPackets, 17);
  assertRefused(here, device);
});

test('a writer whose packets the host still holds has to wait', { skip: noLab }, async (t) => {
  const here = await scene(t, 'tap');
  await here.testReader.open('b', 'tapb', 'tap');
  await here.lab.ipBatch([
    'link add br0 type bridge mcast_snooping 0',
    'link set br0 up',
    'link set tap0 master br0 up',
    'link set tapb master br0 up',
  ]);
  for (const port of ['tap0', 'tapb']) await here.lab.forwards(port);
  // The bridge sends copies of a packet that goes to all ports; copies belong to no sender.
  await here.lab.exec('bridge', 'fdb', 'add', '02:00:00:00:00:01', 'dev', 'tapb', 'master', 'static');
  await here.lab.tc('qdisc replace dev tapb root tbf rate 8kbit burst 1540 limit 100000');
  await here.testReader.sndbuf('a', 10_000);
  const written = await here.write('a', 40, 1000, { unicast: true });
  const device = await here.device();
  assert.ok(written > 0 && written < 40);
  assert.deepEqual(here.refused, { EAGAIN: 40 - written });
  assert.equal(device.counters?.rxPackets, written);
  assert.deepEqual(device.receive?.dropped, []);
  assertRefused(here, device);
});
