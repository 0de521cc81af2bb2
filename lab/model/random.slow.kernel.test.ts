// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Random schedules of everything that can happen to a tap's queues, against a model of tun: what is shown is the truth, or marked.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { mayDieOfPatching } from '../../src/kernel/emulated.ts';
import { type AgentLab, type AttachedLab, agentLab, restingLab } from '../../test/agent/agent-lab.ts';
import { noLab } from '../../test/host/netns.ts';
import { seedOf } from '../../test/host/random.ts';
import { isWhole } from '../../test/whole.ts';
import { play } from './play.ts';
import { isOfWorld } from './world.ts';

const TAPS = 64;
const ROUNDS = 40;
/** Worlds of so many taps and rounds: 20 480 steps, more than a million with WHOLE=1. */
const WORLDS = Number(process.env.SEQUENCES ?? (isWhole ? 400 : 8));
/** Worlds whose agent changes its level at random, 15 to 20 times in each: 1 000 times with WHOLE=1. */
const LEVEL_WORLDS = Number(process.env.SEQUENCES ?? (isWhole ? 70 : 3));
/** Instead of a number of worlds, where a step takes longer (lab/kernels/matrix.ts): none begins after so many minutes. */
const MINUTES = process.env.MODEL_MINUTES === undefined ? undefined : Number(process.env.MODEL_MINUTES);
/** `SEED=… SEQUENCES=1 TAP=…` repeats what happened to one tap. */
const ONLY = process.env.TAP === undefined ? undefined : Number(process.env.TAP);
/** Differences that a failure tells. */
const TOLD = 8;
/** The test uses only the best mechanisms (lab/kernels/matrix.ts). */
const BEST_ONLY = Boolean(process.env.MODEL_BEST);
/** The mechanisms that are left where the kernel traces no function. */
const RAW = ['ended=identity', 'queue-changes=walk'];

interface Worlds {
  readonly agent: AgentLab;
  readonly count: number;
  /** The level of this agent changes. */
  readonly probes?: AttachedLab['probes'];
}

async function playWorlds(t: TestContext, { agent, count, probes }: Worlds): Promise<void> {
  const seed = seedOf(t);
  const began = performance.now();
  const sums = { worlds: 0, steps: 0, compared: 0, marked: 0, different: 0, levelChanges: 0 };
  const goesOn = (): boolean =>
    MINUTES === undefined ? sums.worlds < count : performance.now() - began < MINUTES * 60_000;
  for (; goesOn(); sums.worlds++) {
    await t.test(`SEED=${seed + sums.worlds}`, async (t) => {
      const tally = await play(t, agent, seed + sums.worlds, { taps: TAPS, rounds: ROUNDS, only: ONLY, probes });
      const { steps, compared, marked, levelChanges, differences } = tally;
      sums.steps += steps;
      sums.compared += compared;
      sums.marked += marked;
      sums.levelChanges += levelChanges;
      sums.different += differences.length;
      const told = differences.slice(0, TOLD).join('\n    ');
      assert.equal(differences.length, 0, `${differences.length} taps are wrong and not marked:\n    ${told}`);
    });
  }
  const { worlds, steps, compared, marked, levelChanges, different } = sums;
  t.diagnostic(
    `${steps} steps in ${worlds} worlds (transmit=${agent.mechanism('transmit')}), ${levelChanges} changes of level, ${compared} comparisons, ${marked} of them with a mark, ${different} taps wrong and not marked`,
  );
}

test('random steps: what is shown is the truth, or marked', { skip: noLab }, async (t) => {
  const played = new Set<string>();
  for (const mechanisms of BEST_ONLY ? [[]] : [[], RAW])
    await t.test(mechanisms.join(', ') || 'by the best mechanisms', async (t) => {
      const agent = await agentLab(t, ...mechanisms);
      const transmit = agent.mechanism('transmit') ?? 'none';
      if (played.has(transmit))
        return t.skip(`transmit=${transmit} was played: this kernel lets no function be traced`);
      played.add(transmit);
      await playWorlds(t, { agent, count: WORLDS });
    });
});

test('random steps while the level changes at random between rest and exact: what is shown is the truth, or marked', {
  skip: noLab || (mayDieOfPatching() && 'programs that come and go under load may kill this emulated machine'),
}, async (t) => {
  const agent = await restingLab(t, isOfWorld);
  await playWorlds(t, { agent, count: LEVEL_WORLDS, probes: agent.probes });
});
