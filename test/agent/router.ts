// SPDX-License-Identifier: Apache-2.0
// A namespace that forwards packets to a tap, with an agent that watches, and a firewall.
import type { Device } from '../../src/snapshot/device.ts';
import { type NamespaceLab, namespaceLab } from '../host/netns.ts';
import { until } from '../host/until.ts';
import type { TestReader } from '../test-reader/test-reader.ts';
import { type AgentLab, droppedBefore, standingLab } from './agent-lab.ts';

export interface Scene {
  readonly lab: NamespaceLab;
  readonly agent: AgentLab;
  /** Sends packets from outside; the host forwards them to the tap. */
  readonly outside: TestReader;
  /** Sends packets from the host itself. */
  readonly inside: TestReader;
  /** An address behind the tap. */
  readonly peer: string;
  readonly device: () => Promise<Device>;
}

/** A namespace that routes between `ve1`, behind which the sender is, and `tap0`. */
export async function router(t: Parameters<typeof namespaceLab>[0], kind: 'tun' | 'tap' = 'tap'): Promise<Scene> {
  const lab = await namespaceLab(t);
  const beyond = await namespaceLab(t);
  const agent = await standingLab();
  const inside = await lab.testReader();
  await inside.open('a', 'tap0', kind);
  const peer = await lab.raise('tap0', 1000);
  await lab.ipBatch([
    `link add ve1 type veth peer name ve0 netns ${beyond.name}`,
    'link set ve1 up',
    'addr add 10.99.0.1/24 dev ve1',
  ]);
  await lab.exec('sysctl', '-q', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=0');
  await beyond.ipBatch(['link set ve0 up', 'addr add 10.99.0.2/24 dev ve0', 'route add default via 10.99.0.1']);
  const outside = await beyond.testReader();
  // Neighbours are known after it. It waits for an answer to ARP and comes when it likes: before that nothing is counted.
  await outside.udp(peer, 9, 1, 64);
  await until(async () => (await inside.read('a', 'all')).packets > 0);
  return { lab, agent, outside, inside, peer, device: () => agent.device(lab.inode, 'tap0') };
}

export async function chain({ lab }: Scene, family: string, hook: string, rule: string): Promise<void> {
  const statement = `{ type filter hook ${hook} priority 0; }`;
  await lab.exec(
    'nft',
    `add table ${family} f; add chain ${family} f ${hook} ${statement}; add rule ${family} f ${hook} ${rule}`,
  );
}

/** Once so many more packets were dropped before it, a minute at most: on a busy host ksoftirqd forwards, after the sender is done. */
export async function deviceAfter({ agent, lab }: Scene, before: Device, packets: number): Promise<Device> {
  const now = (): Promise<Device> => agent.device(lab.inode, before.name);
  let device = await now();
  await until(async () => {
    const isThere = droppedBefore(device) - droppedBefore(before) >= packets;
    if (!isThere) device = await now();
    return isThere;
  });
  return device;
}
