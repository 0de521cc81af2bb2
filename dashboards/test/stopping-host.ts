// SPDX-License-Identifier: Apache-2.0
// One host of Linux 7.3 on which queues are stopped instead of losing packets, what goes wrong with that, and a guest of vhost-net: what a
// page is recorded of.
import { setTimeout as wait } from 'node:timers/promises';
import { type Agent, startAgent } from '../../test/agent/serve-process.ts';
import { type NamespaceLab, namespaceLab } from '../../test/host/netns.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';

export const STOPPING = {
  /** A device whose reader takes less than is sent: the queue stops, and fq_codel drops. */
  flow: 'vnet0',
  /** A device that drops: bursts overflow its ring and are then read to the end. A shaper in front of it cuts the longest. */
  bursts: 'vnet1',
  /** A program that does not know IFF_BACKPRESSURE has attached to it. */
  robbed: 'vnet2',
  /** A VM by vhost-net, which at times has no buffers. */
  guest: 'vnet3',
};

/** The name of that VM. */
export const GUEST = 'web1';
const QEMU: readonly [string, ...string[]] = [
  '/usr/bin/qemu-system-x86_64',
  '-name',
  `guest=${GUEST}`,
  '-uuid',
  '4dea22b3-1d52-d8f3-2516-782e98ab3fa0',
];

const RING = 128;

interface StoppingHost {
  readonly lab: NamespaceLab;
  readonly agent: Agent;
  /** A burst to each device; flow is left stopped. */
  round(): Promise<void>;
  /** A program that does not know IFF_BACKPRESSURE attaches to one device, which loses it. */
  rob(): Promise<void>;
}

export async function stoppingHost(t: { after(undo: () => Promise<unknown>): void }): Promise<StoppingHost> {
  const lab = await namespaceLab(t);
  const sender = await lab.testReader();
  const reader = await lab.testReaderNamed('/usr/sbin/openvpn', '--config', 'office.conf');
  const guest = await lab.testReaderNamed(...QEMU);
  await reader.open('flow', STOPPING.flow, 'tap', 'backpressure');
  await reader.open('bursts', STOPPING.bursts, 'tap');
  await reader.open('robbed', STOPPING.robbed, 'tap', 'persist', 'backpressure');
  await guest.open('guest', STOPPING.guest, 'tap', 'vnet');
  const peers = {
    flow: await lab.raise(STOPPING.flow, RING),
    bursts: await lab.raise(STOPPING.bursts, RING),
    robbed: await lab.raise(STOPPING.robbed, RING),
    guest: await lab.raise(STOPPING.guest, RING),
  };
  await lab.tc(`qdisc replace dev ${STOPPING.flow} root fq_codel limit 100`);
  await lab.tc(`qdisc replace dev ${STOPPING.robbed} root fq_codel`);
  await lab.tc(`qdisc replace dev ${STOPPING.bursts} root tbf rate 8mbit burst 20000 limit 8000`);
  const agent = await startAgent(t, ['--budget=off']);
  await guest.guest('guest');
  await guest.receive('guest', 1000, { lump: 40 });
  // The probes of stops come with the first sample of a device that asks for them.
  await agent.metrics();
  // Its reader runs on the other CPU.
  await lab.exec('taskset', '-pc', '0', String(sender.pid));
  await lab.exec('taskset', '-apc', '1', String(reader.pid));
  let number = 0;
  return {
    lab,
    agent,
    round: () => oneRound({ sender, reader, guest }, peers, number++),
    rob: async () => {
      await reader.close('robbed');
      await reader.open('robbed', STOPPING.robbed, 'tap', 'persist');
    },
  };
}

interface TestReaders {
  readonly sender: TestReader;
  readonly reader: TestReader;
  readonly guest: TestReader;
}

interface Peers {
  readonly flow: string;
  readonly bursts: string;
  readonly robbed: string;
  readonly guest: string;
}

async function oneRound({ sender, reader, guest }: TestReaders, peers: Peers, round: number): Promise<void> {
  const size = 100 + 80 * Math.round(1 + Math.sin(round / 3));
  await reader.read('flow', size);
  await sender.udp(peers.flow, 9, 2 * size, 100, { flows: 8 });
  await sender.udp(peers.bursts, 9, size, 200, { flows: 4 });
  // A ring that is left full for a while is an overflow that goes on.
  await reader.read('bursts', round % 4 === 3 ? 'all' : 40);
  await reader.write('bursts', 20, 200);
  await reader.write('bursts', 1, 9000, { wrong: 'fault' });
  await sender.udp(peers.robbed, 9, 40, 100);
  await reader.read('robbed', 'all');
  await sender.udp(peers.guest, 9, size, 200);
  await guest.send('guest', 20, 1000, { unicast: true });
  await guest.send('guest', 5, 100, { unicast: true });
  await wait(50);
}
