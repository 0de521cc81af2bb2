// SPDX-License-Identifier: Apache-2.0
// One host on which everything goes wrong at once, beside a device where all is well: what dashboards, alerts and runbooks are tested with.
import { setTimeout as wait } from 'node:timers/promises';
import { type Agent, startAgent } from '../../test/agent/serve-process.ts';
import { type NamespaceLab, namespaceLab } from '../../test/host/netns.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';

/** Names of the devices, in Proxmox' manner. No other test uses them. */
export const SICK = {
  /** A device whose reader takes half of what is sent; a shaper in front of it cuts the largest bursts. */
  slow: 'tap101i0',
  /** A process has it open and does not read. */
  stalled: 'tap102i0',
  /** No process has it open. */
  orphan: 'tap103i0',
  /** A shaper in front of it is too tight. */
  shaped: 'tap104i0',
  /** Packets reach it past the probes. */
  bypassed: 'tap105i0',
  /** A device whose guest writes virtio-net headers that the kernel cannot follow. */
  faulty: 'tap106i0',
};
export const HEALTHY = 'tap107i0';
/** A device that loses nothing, and of whose two queues one gets everything. */
const UNEVEN = 'tap108i0';

/** Name of the process that reads all of them. */
export const READER = 'openvpn';

/** A firewall drops all that comes by it before the host looks for a way. */
const WAY_IN = 'way-in';
const UNEVEN_QUEUES = ['uneven-0', 'uneven-1'];

interface SickHost {
  readonly lab: NamespaceLab;
  readonly agent: Agent;
  /** Traffic for that long. */
  run(seconds: number): Promise<void>;
}

/** For pictures the namespace has a name, and the agent sees no other devices. */
export async function sickHost(
  t: { after(undo: () => Promise<unknown>): void },
  namespace?: string,
): Promise<SickHost> {
  const lab = await namespaceLab(t, namespace);
  const testReader = await lab.testReaderNamed(`/usr/sbin/${READER}`);
  const peers = await openDevices(lab, testReader);
  // Blind to one event that nothing here needs; and by the mechanism that packets can bypass, where there would be a better one.
  const flags = ['--mechanism=returned=off', '--mechanism=transmit=raw-tracepoint', '--budget=50%'];
  if (namespace !== undefined) flags.push('--device-include=^tap10\\di0$');
  const agent = await startAgent(t, flags);
  let round = 0;
  return {
    lab,
    agent,
    run: async (seconds) => {
      const end = performance.now() + seconds * 1000;
      while (performance.now() < end) {
        await oneRound(lab, testReader, peers, round++);
        await wait(100);
      }
    },
  };
}

interface Peers {
  readonly slow: string;
  readonly stalled: string;
  readonly shaped: string;
  readonly healthy: string;
  readonly uneven: string;
}

async function openDevices(lab: NamespaceLab, testReader: TestReader): Promise<Peers> {
  for (const device of [SICK.slow, SICK.stalled, SICK.shaped, SICK.bypassed, HEALTHY]) {
    await testReader.open(device, device, 'tap');
  }
  await testReader.open(SICK.orphan, SICK.orphan, 'tap', 'persist');
  await testReader.open(SICK.faulty, SICK.faulty, 'tap', 'vnet');
  for (const queue of UNEVEN_QUEUES) await testReader.open(queue, UNEVEN, 'tap', 'mq');
  const peers = {
    slow: await lab.raise(SICK.slow, 200),
    stalled: await lab.raise(SICK.stalled, 200),
    shaped: await lab.raise(SICK.shaped, 500),
    healthy: await lab.raise(HEALTHY, 500),
    uneven: await lab.raise(UNEVEN, 500),
  };
  for (const device of [SICK.bypassed, SICK.orphan, SICK.faulty]) await lab.raise(device, 100);
  await lab.tc(`qdisc replace dev ${SICK.slow} root tbf rate 8mbit burst 20000 limit 8000`);
  await lab.tc(`qdisc replace dev ${SICK.shaped} root tbf rate 100kbit burst 1540 limit 5000`);
  await lab.ipBatch([`link add ${WAY_IN} type veth peer name way-out`, `link set ${WAY_IN} up`, 'link set way-out up']);
  const ingress = '{ type filter hook ingress device way-out priority 0; }';
  await lab.exec('nft', `add table netdev f; add chain netdev f c ${ingress}; add rule netdev f c drop`);
  await testReader.close(SICK.orphan);
  // The kernel puts the noop qdisc in place when it has noticed that the carrier is gone.
  await lab.exec('sh', '-c', `until ip link show ${SICK.orphan} | grep -q "state DOWN"; do sleep 0.1; done`);
  return peers;
}

/** Some 100 ms of traffic: bursts, so that the rates of the pictures are not straight lines. */
async function oneRound(lab: NamespaceLab, testReader: TestReader, peers: Peers, round: number): Promise<void> {
  // A smaller ring throws away what waits in it, and no counter of the kernel knows.
  if (round % 40 === 20)
    await lab.ipBatch([`link set dev ${SICK.slow} txqueuelen 150`, `link set dev ${SICK.slow} txqueuelen 200`]);
  const burst = 100 + 60 * Math.round(Math.sin(round / 8));
  await testReader.udp(peers.slow, 9, burst, 200);
  await testReader.read(SICK.slow, 60);
  await testReader.write(SICK.slow, 20, 200);
  await testReader.write(SICK.slow, 1, 9000, { wrong: 'fault' });
  await testReader.udp(peers.stalled, 9, 50, 200);
  await testReader.udp(peers.shaped, 9, 40, 200);
  await testReader.read(SICK.shaped, 'all');
  await testReader.udp(peers.healthy, 9, burst, 200);
  await testReader.read(HEALTHY, 'all');
  await testReader.udp(peers.uneven, 9, 30, 200, { flows: 1 });
  for (const queue of UNEVEN_QUEUES) await testReader.read(queue, 'all');
  // More than its ring holds: the drops show that packets came past the probe. What fits is known from the kernel's counters.
  await testReader.packet(SICK.bypassed, 130, 60, { bypass: true });
  await testReader.read(SICK.bypassed, 'all');
  await testReader.write(SICK.faulty, 5, 100, { wrong: 'badheader' });
  // Without a carrier the kernel refuses packets by a route; a bridge or a sender that knows the device still sends.
  await testReader.packet(SICK.orphan, 10, 60);
  await testReader.packet(WAY_IN, 10, 60);
}
