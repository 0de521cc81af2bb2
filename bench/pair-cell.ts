// SPDX-License-Identifier: Apache-2.0
// One run of a pair cell: a guest of vhost-net sends packets of one size, a bridge hands them to the tap of a second guest.

import type { Device } from '../src/snapshot/device.ts';
import { agentCounts, type Comparison, compare, doubts } from './agreement.ts';
import { freedTotal, type PairCell, type Run } from './bench-report.ts';
import { type BenchSetup, BRIDGE, DEVICE, missingIf, RING, SECOND_DEVICE, until } from './bench-setup.ts';
import { bridge, raise } from './own-device.ts';
import type { Traffic } from './traffic/traffic.ts';

const SENDER = { id: 'sender', device: DEVICE };
const RECEIVER = { id: 'receiver', device: SECOND_DEVICE };
const ENDS = [SENDER, RECEIVER];
const GUEST = { entries: 1024, buffer: 2048 };
const ARRIVED_WITHIN_S = 30;

/** Throws Missing where this host cannot. */
export async function runPairCell(setup: BenchSetup, { size }: PairCell, seconds: number): Promise<Run> {
  try {
    await setUp(setup);
    return await relay(setup, size, seconds);
  } finally {
    await takeDown(setup.traffic);
  }
}

async function setUp({ traffic, refresh, look }: BenchSetup): Promise<void> {
  const { namespace } = traffic;
  await traffic.pin(undefined);
  for (const { id, device } of ENDS) {
    await traffic.open(id, device, ['vnet']);
    await raise({ namespace, name: device, queues: 1 }, RING, 'noqueue');
  }
  await bridge(
    namespace,
    BRIDGE,
    ENDS.map(({ device }) => device),
  ).catch(missingIf('BRIDGE'));
  for (const { id } of ENDS) await traffic.guest(id, GUEST).catch(missingIf('ENOENT', 'ENODEV', 'ENXIO'));
  await traffic.receive(RECEIVER.id);
  await refresh();
  await look();
}

async function relay(setup: BenchSetup, size: number, seconds: number): Promise<Run> {
  const { traffic, look } = setup;
  const { sent, seconds: took } = await traffic.send(SENDER.id, size, seconds, 'unicast');
  await until(
    'all packets had arrived',
    ARRIVED_WITHIN_S,
    setup,
    async () => agentCounts(await look(RECEIVER.device)).waiting === 0,
  );
  const [sender, receiver] = [await look(SENDER.device), await look(RECEIVER.device)];
  await traffic.stopReceiving(RECEIVER.id);
  return judge(sender, receiver, { sent, received: await traffic.unguest(RECEIVER.id), seconds: took });
}

interface Guests {
  readonly sent: number;
  readonly received: number;
  readonly seconds: number;
}

function judge(sender: Device, receiver: Device, { sent, received, seconds }: Guests): Run {
  const ours = agentCounts(receiver);
  const freed = receiver.queues[0]?.freed;
  const dropped = (sender.receive?.dropped ?? []).reduce((sum, { packets }) => sum + packets, 0);
  const comparisons: Comparison[] = [
    ["packets into the sender's tap", sender.counters?.rxPackets, 'the sending guest', sent],
    ["packets that the sender's tun dropped", dropped, 'the sending guest', 0],
    ["packets offered to the receiver's tap", ours.offered, 'the sending guest', sent],
    ['lost packets', ours.dropped, "the tap's tx_dropped", receiver.counters?.txDropped ?? Number.NaN],
    ['delivered packets', ours.delivered, 'the receiving guest', received],
  ];
  if (freed) comparisons.push(['freed packets', freedTotal(freed), 'the receiving guest', received]);
  return {
    seconds,
    transmitted: ours.delivered,
    lost: ours.dropped,
    droppedBefore: ours.droppedBefore,
    uncopied: 0,
    workerSeconds: receiver.queues[0]?.vhost?.worker?.seconds,
    freed,
    disagreements: [...compare(comparisons), ...doubts(sender), ...doubts(receiver)],
  };
}

/** A step fails where the guests never came that far. The bridge stays in the namespace for the next run. */
async function takeDown(traffic: Traffic): Promise<void> {
  const gone = (): undefined => undefined;
  await traffic.stopReceiving(RECEIVER.id).catch(gone);
  for (const { id } of ENDS) {
    await traffic.unguest(id).catch(gone);
    await traffic.close(id).catch(gone);
  }
}
