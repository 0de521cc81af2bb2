// SPDX-License-Identifier: Apache-2.0
// A real program stops for a moment again and again while packets come, and is given the same packets with other rings.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { until } from '../../test/host/until.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';
import { SINK_PORT } from './counted-traffic.ts';
import type { Program } from './program.ts';
import { isAsPredicted, type ReplayRow } from './replay-table.ts';
import { forecastOf, leastRing } from './replayed-rings.ts';
import { type Checked, checksOf } from './running.ts';

const RING = 100;
/** Packets that come during each of its pauses. */
const PAUSES = [150, 420, 90, 700, 260, 333, 700];
const EMPTIED_WITHIN_MS = 10_000;

class ProgramReplay {
  readonly #checked: Checked;
  readonly #sender: TestReader;

  constructor(checked: Checked, sender: TestReader) {
    this.#checked = checked;
    this.#sender = sender;
  }

  /** How many packets the kernel dropped. */
  async play(ring: number): Promise<number> {
    const { near } = this.#checked.stage;
    const { device, pid, beyond } = this.#checked.running;
    await this.#sender.length(device, ring);
    const before = await near.link(device);
    for (const packets of PAUSES) {
      process.kill(pid, 'SIGSTOP');
      await this.#sender.udp(beyond, SINK_PORT, packets, 64);
      process.kill(pid, 'SIGCONT');
      await until(() => this.#isEmpty(), EMPTIED_WITHIN_MS);
    }
    // Before Linux 7.3 an overflow ends with the first packet that finds the ring empty: send one.
    await this.#sender.udp(beyond, SINK_PORT, 2, 64);
    return (await near.link(device)).txDropped - before.txDropped;
  }

  async #isEmpty(): Promise<boolean> {
    const { agent, stage, running } = this.#checked;
    const { queues } = await agent.device(stage.near.inode, running.device);
    return queues.every(({ ring }) => ring?.occupancy === 0);
  }
}

/** What is predicted and advised, and what the same packets then lose. */
export async function replayProgram(t: TestContext, program: Program): Promise<ReplayRow> {
  const checked = await checksOf(t, program, undefined);
  const { agent, stage, running } = checked;
  const sender = await stage.near.testReader();
  const replay = new ProgramReplay(checked, sender);
  await sender.length(running.device, RING);
  const before = await agent.snapshot();
  const lost = await replay.play(RING);
  const seen = [before, await agent.snapshot()];
  const advised = forecastOf(stage.near.inode, seen, []).advised ?? assert.fail('no size is advised');
  const half = advised >> 1;
  const { loss, sizes } = forecastOf(stage.near.inode, seen, [half]);
  const predicted = sizes.find(({ size }) => size === half)?.lost ?? assert.fail(`nothing said of ${half}`);
  const measured = await replay.play(half);
  const about = `${lost} of ${loss.offered} lost with ${RING} slots, ${advised} advised; with ${half} ${predicted} predicted, ${measured} lost`;
  t.diagnostic(about);
  assert.equal(loss.lost, lost);
  assert.ok(isAsPredicted(predicted, measured), about);
  const lostWithAdvised = await replay.play(advised);
  const least = await leastRing((ring) => replay.play(ring), RING, advised);
  return {
    traffic: program.name,
    ring: RING,
    lost,
    advised,
    lostWithAdvised,
    least,
    predicted,
    measured,
  };
}
