// SPDX-License-Identifier: Apache-2.0
// OpenVPN stops for a moment again and again: the ring that is advised then loses nothing of the same packets.
import assert from 'node:assert/strict';
import test from 'node:test';
import { ringForecast } from '../../../src/diagnosis/forecast/ring-forecast.ts';
import { steadyWindow } from '../../../src/diagnosis/forecast/steady-window.ts';
import type { Snapshot } from '../../../src/snapshot.ts';
import { noLab } from '../../host/netns.ts';
import { until } from '../../host/until.ts';
import { SINK_PORT } from '../counted-traffic.ts';
import { missing } from '../need.ts';
import { checksOf } from '../running.ts';
import { OPENVPN } from './openvpn.ts';

const RING = 100;
/** Packets that come during each of its pauses. */
const PAUSES = [150, 420, 90, 700, 260, 333, 700];
const EMPTIED_WITHIN_MS = 10_000;
/** Slots that it has not given back when the next burst comes, and a packet of its own. */
const SLACK = 16;

test('OpenVPN that pauses: the advised ring, and half of it', { skip: noLab || missing(OPENVPN.needs) }, async (t) => {
  const { agent, stage, running } = await checksOf(t, OPENVPN, undefined);
  const { near } = stage;
  const sender = await near.testReader();
  const emptied = async (): Promise<boolean> => {
    const { queues } = await agent.device(near.inode, running.device);
    return queues.every(({ ring }) => ring?.occupancy === 0);
  };
  const play = async (length: number): Promise<number> => {
    await sender.length(running.device, length);
    const before = await near.link(running.device);
    for (const packets of PAUSES) {
      process.kill(running.pid, 'SIGSTOP');
      await sender.udp(running.beyond, SINK_PORT, packets, 64);
      process.kill(running.pid, 'SIGCONT');
      await until(emptied, EMPTIED_WITHIN_MS);
    }
    // Before Linux 7.3 an overflow ends with the first packet that finds the ring empty: send one.
    await sender.udp(running.beyond, SINK_PORT, 2, 64);
    return (await near.link(running.device)).txDropped - before.txDropped;
  };
  const forecast = (snapshots: readonly Snapshot[], sizes: readonly number[]) => {
    const device = snapshots.at(-1)?.devices.find((one) => one.netns === near.inode) ?? assert.fail('no device');
    const steady = steadyWindow(snapshots, device.id) ?? assert.fail('the device has just changed');
    return ringForecast(steady.device, sizes) ?? assert.fail('overflows are not followed');
  };

  await sender.length(running.device, RING);
  const before = await agent.snapshot();
  const lost = await play(RING);
  const seen = [before, await agent.snapshot()];
  const advised = forecast(seen, []).advised ?? assert.fail('no size is advised');
  const half = advised >> 1;
  const { loss, sizes } = forecast(seen, [half]);
  const predicted = sizes.find(({ size }) => size === half)?.lost ?? assert.fail(`nothing said of ${half}`);
  const measured = await play(half);
  const about = `${lost} of ${loss.offered} lost with ${RING} slots, ${advised} advised; with ${half} ${predicted} predicted, ${measured} lost`;
  t.diagnostic(about);
  assert.equal(loss.lost, lost);
  assert.ok(Math.abs(predicted - measured) <= Math.max(0.1 * measured, SLACK), about);
  assert.equal(await play(advised), 0);
  assert.ok(advised <= 2 * Math.max(...PAUSES), about);
});
