// SPDX-License-Identifier: Apache-2.0
// Healthy TCP: the figures equal the kernel's own counters of each device, and no packet is missing.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type AgentLab, imbalances, totalsOf } from '../agent/agent-lab.ts';
import { TUN, tcpPair } from './tcp.ts';
import { until } from './until.ts';

const STREAMS = 4;
/** Most bytes of one round each way: some ten thousand packets with GSO, over a hundred thousand without. */
const ROUND = { gso: 1_000_000_000, plain: 200_000_000 };
/** Bytes of a packet, roughly: for a test of few packets a round is shorter. */
const PACKET = { gso: 20_000, plain: 1400 };
const SETTLES_WITHIN_MS = 60_000;

/** Sends until the kernel has counted so many packets on the two devices; answers how many, and how many our programs missed. */
export async function assertExactTcp(t: TestContext, agent: AgentLab, gso: boolean, packets: number): Promise<void> {
  const pair = await tcpPair(t, gso);
  const ends = [pair.near, pair.far];
  // Two samples of rest: what is counted from here on begins with the device.
  await agent.snapshot();
  const counted = async (): Promise<number> => {
    const links = await Promise.all(ends.map((end) => end.link(TUN)));
    return links.reduce((sum, { txPackets, txDropped }) => sum + txPackets + txDropped, 0);
  };
  const kind = gso ? 'gso' : 'plain';
  const bytes = Math.min(ROUND[kind], (packets / 2) * PACKET[kind]);
  while ((await counted()) < packets) {
    await pair.send(STREAMS, bytes);
    await agent.snapshot();
  }
  let unseen = 0;
  for (const end of ends) {
    // A connection that ends sends a last packet now and then.
    let last = -1;
    await until(async () => {
      const { txPackets } = await end.link(TUN);
      await agent.snapshot();
      const same = txPackets === last;
      last = txPackets;
      return same;
    }, SETTLES_WITHIN_MS);
    const device = await agent.device(end.inode, TUN);
    const link = await end.link(TUN);
    const totals = totalsOf(device);
    const dropped = Object.values(totals.dropped).reduce((sum, count) => sum + count, 0);
    assert.deepEqual(
      [totals.offered, totals.enqueued, totals.delivered, dropped, totals.waiting],
      [link.txPackets + link.txDropped, link.txPackets, link.txPackets, link.txDropped, 0],
      'offered, enqueued, delivered, dropped and waiting, as the kernel counts them',
    );
    assert.deepEqual([imbalances(device), device.degraded], [[], []]);
    unseen += (device.unseen?.enqueued ?? 0) + (device.unseen?.dropped ?? 0);
  }
  t.diagnostic(`${await counted()} packets of TCP ${gso ? 'with' : 'without'} GSO; our programs did not see ${unseen}`);
}
