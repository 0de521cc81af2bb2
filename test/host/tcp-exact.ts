// SPDX-License-Identifier: Apache-2.0
// Healthy TCP: the figures equal the kernel's own counters of each device, and no packet is missing.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type AgentLab, imbalances, totalsOf } from '../agent/agent-lab.ts';
import { type NamespaceLab, namespaceLab } from './netns.ts';
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

const TUN = 'tun0';
const [NEAR, FAR] = ['10.77.0.1', '10.77.0.2'];
const PORT = 5201;
const COMES_WITHIN_MS = 30_000;
const tunPair = join(import.meta.dirname, '../../dist/test/tun-pair');

interface TcpPair {
  readonly near: NamespaceLab;
  readonly far: NamespaceLab;
  /** Several streams at once, first from near to far, then back; so many bytes each way in all. */
  send(streams: number, bytes: number): Promise<void>;
}

async function tcpPair(t: { after(undo: () => Promise<void>): void }, gso: boolean): Promise<TcpPair> {
  const near = await namespaceLab(t);
  const far = await namespaceLab(t);
  const spaces = [near, far].map(({ name }) => `/run/netns/${name}`);
  const mover = spawn(tunPair, [...spaces, TUN, gso ? 'gso' : 'plain'], { stdio: ['pipe', 'pipe', 'inherit'] });
  near.after(() => ended(mover));
  await once(mover.stdout, 'data');
  for (const [lab, own, other] of [
    [near, NEAR, FAR],
    [far, FAR, NEAR],
  ] as const) {
    await lab.ip(`addr add ${own} peer ${other} dev ${TUN}`);
    await lab.ip(`link set dev ${TUN} up`);
  }
  const listens = async (): Promise<boolean> => (await far.exec('ss', '-Hltn')).includes(`:${PORT} `);
  // A server of its own for each: one that serves on refuses who comes while it still ends the connection before.
  const run = async (...words: readonly string[]): Promise<void> => {
    const server = spawn('ip', ['netns', 'exec', far.name, 'iperf3', '-s', '-1', '-p', String(PORT)], {
      stdio: 'ignore',
    });
    const exit = once(server, 'exit');
    try {
      await until(listens, COMES_WITHIN_MS);
      await near.exec('iperf3', '-c', FAR, '-p', String(PORT), '--connect-timeout', '10000', ...words);
      await exit;
    } finally {
      await ended(server);
    }
  };
  return {
    near,
    far,
    send: async (streams, bytes) => {
      const words = ['-P', String(streams), '-n', String(Math.ceil(bytes / streams))];
      await run(...words);
      await run(...words, '-R');
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}
