// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, VMs, iperf3, iputils-ping, nftables, openssl, openvpn, socat.
// Real programs that pause: the advised ring loses nothing of the same packets, and half of it what was predicted.
// `UPDATE=1 npm test -- program-replay` writes the table of docs/accuracy.md.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { missing } from '../../test/host/need.ts';
import { noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import { PASTA, SLIRP } from './containers/user-mode.ts';
import { SINK_PORT } from './counted-traffic.ts';
import { qemuOf } from './guests/qemu.ts';
import type { Program } from './program.ts';
import { type ReplayRow, replayed, replayTable } from './replay.ts';
import { checksOf } from './running.ts';
import { OPENVPN } from './tunnels/openvpn.ts';

// A real program stops for a moment again and again while packets come, and is given the same packets with other rings.
const RING = 100;
/** Packets that come during each of its pauses. */
const PAUSES = [150, 420, 90, 700, 260, 333, 700];
const EMPTIED_WITHIN_MS = 10_000;

/** What is predicted and advised, and what the same packets then lose. */
async function replayProgram(t: TestContext, program: Program): Promise<ReplayRow> {
  const { agent, stage, running } = await checksOf(t, program, undefined);
  const { near } = stage;
  const { device, pid, beyond } = running;
  const sender = await near.testReader();
  await sender.length(device, RING);
  const isEmpty = async (): Promise<boolean> => {
    const { queues } = await agent.device(near.inode, device);
    return queues.every(({ ring }) => ring?.occupancy === 0);
  };
  const play = async (ring: number): Promise<number> => {
    await sender.length(device, ring);
    const before = await near.link(device);
    for (const packets of PAUSES) {
      process.kill(pid, 'SIGSTOP');
      await sender.udp(beyond, SINK_PORT, packets, 64);
      process.kill(pid, 'SIGCONT');
      await until(isEmpty, EMPTIED_WITHIN_MS);
    }
    // Before Linux 7.3 an overflow ends with the first packet that finds the ring empty: send one.
    await sender.udp(beyond, SINK_PORT, 2, 64);
    return (await near.link(device)).txDropped - before.txDropped;
  };
  return replayed(t, { traffic: program.name, ring: RING, netns: near.inode, snapshot: () => agent.snapshot(), play });
}

const rows: ReplayRow[] = [];

for (const program of [OPENVPN, PASTA, SLIRP, qemuOf(1)]) {
  const skip = noLab || missing(program.needs) || (program.unavailable?.() ?? false);
  test(`${program.name} that pauses: the advised ring, and half of it`, { skip }, async (t) => {
    const row = await replayProgram(t, program);
    rows.push(row);
    assert.equal(row.lostWithAdvised, 0);
    assert.ok(row.least <= row.advised);
  });
}

test('the page has these replays', { skip: noLab }, () => replayTable('program', rows));
