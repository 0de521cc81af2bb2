// SPDX-License-Identifier: Apache-2.0
// One world of random steps, beside an agent whose snapshots are compared with the models.
import { setTimeout as wait } from 'node:timers/promises';
import type { Level } from '../../src/engine/mechanism.ts';
import type { Device } from '../../src/snapshot/device.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import type { AgentLab, AttachedLab } from '../../test/agent/agent-lab.ts';
import { namespaceLab } from '../../test/host/netns.ts';
import { randomOf } from '../../test/host/random.ts';
import { compare, type Verdict } from './compare.ts';
import { FORMS } from './steps.ts';
import type { Form, Tap } from './taps.ts';
import { World } from './world.ts';

interface Size {
  readonly taps: number;
  readonly rounds: number;
  /** Plays one of the taps, as it is among the others. */
  readonly only?: number | undefined;
  /** Those of the agent, whose level changes at random while steps are taken; undefined: it stays. */
  readonly probes?: AttachedLab['probes'] | undefined;
}

interface Tally {
  steps: number;
  /** Times that a tap was compared with its model. */
  compared: number;
  /** Comparisons in which the tap had a mark. */
  marked: number;
  readonly marks: Map<string, number>;
  /** Changes of the agent's level. */
  levelChanges: number;
  /** One text for each tap whose figures were wrong and not marked: the steps that led there. */
  readonly differences: string[];
}

/** When nothing moves and every ring is empty, marks end: at once, or a while after the last packet that was not seen. */
const MARKED_MS = 60_000;
/** Rounds between two snapshots at rest, in the mean: a world has one of them. */
const GAPS = [1, 2, 4, 8];
const LEVELS = ['exact', 'rest'] as const;
/** A change of level falls anywhere in the steps of a round, which take about so long. */
const ROUND_MS = 20;
/** Samples after a change of level: the first sets right what moved meanwhile, the next one shows it; what differs for longer is marked. */
const SETTLING = 3;

interface Play {
  readonly world: World;
  readonly agent: AgentLab;
  readonly tally: Tally;
  readonly probes: Size['probes'];
}

export async function play(
  t: { after(undo: () => Promise<void>): void },
  agent: AgentLab,
  seed: number,
  { taps, rounds, only, probes }: Size,
): Promise<Tally> {
  const labs = [await namespaceLab(t), await namespaceLab(t)];
  const places = await Promise.all(labs.map(async (lab) => ({ lab, testReader: await lab.testReader() })));
  const world = new World(places, seed, { taps, forms: formsFor(agent, probes), only });
  const random = randomOf(seed);
  const gap = random.pick(GAPS) ?? 1;
  const tally: Tally = { steps: 0, compared: 0, marked: 0, marks: new Map(), levelChanges: 0, differences: [] };
  const one: Play = { world, agent, tally, probes };
  for (let round = 0; round < rounds; round++) {
    // Now and then snapshots are taken while the steps are.
    const looks = random.below(4) === 0 ? 1 + random.below(3) : 0;
    const level = probes && random.pick(LEVELS);
    const [, isChanged] = await Promise.all([
      playRound(one, looks),
      level !== undefined && changeLevel(one, level, random.below(ROUND_MS)),
    ]);
    if (isChanged) await settle(agent);
    if (random.below(gap) === 0) await look(one);
  }
  await world.drain();
  if (probes && (await changeLevel(one, 'exact', 0))) await settle(agent);
  for (let looks = 0; looks < 2; looks++) await look(one);
  const ends = performance.now() + MARKED_MS;
  while ((await marked(one)) && performance.now() < ends) await wait(1000);
  await look(one, true);
  return tally;
}

async function changeLevel({ probes, tally }: Play, level: Level, afterMs: number): Promise<boolean> {
  await wait(afterMs);
  if (probes === undefined || probes.level() === level) return false;
  probes.setLevel(level);
  tally.levelChanges++;
  return true;
}

async function settle(agent: AgentLab): Promise<void> {
  for (let sample = 0; sample < SETTLING; sample++) await agent.snapshot();
}

async function marked({ world, agent }: Play): Promise<boolean> {
  const { devices } = await agent.snapshot();
  const mine = devices.filter((device) => world.taps.some((tap) => world.isOf(device, tap)));
  return mine.some(({ degraded, queues }) => degraded.length + queues.flatMap((queue) => queue.degraded).length > 0);
}

async function playRound({ world, agent, tally }: Play, looks: number): Promise<void> {
  const models = world.taps.map(({ model }) => model);
  const round = world.round();
  const during: Snapshot[] = [];
  for (let i = 0; i < looks; i++) during.push(await agent.snapshot());
  await round;
  tally.steps += world.taps.length;
  for (const { devices } of during)
    for (const [i, tap] of world.taps.entries()) {
      const device = devices.find((one) => world.isOf(one, tap));
      if (device && tap.model === models[i] && tap.model.age > 1)
        judge(tally, tap, compare(device, tap.model, true), '~');
    }
}

/** Compares all taps with their models at rest. `last`: no mark may be left. */
async function look({ world, agent, tally }: Play, last = false): Promise<void> {
  const { devices } = await agent.snapshot();
  for (const tap of world.taps) {
    const { inode } = world.placeOf(tap).lab;
    const device = devices.find((one) => one.netns === inode && one.name === tap.name);
    const verdict = verdictOf(tap, device);
    const stays = last ? verdict.marks.map((mark) => `still marked: ${mark}`) : [];
    judge(tally, tap, { ...verdict, differences: [...verdict.differences, ...stays] }, '|');
  }
}

function verdictOf(tap: Tap, device: Device | undefined): Verdict {
  const held = tap.model.attached.length + tap.model.detached.length;
  if (!device) return { differences: held > 0 ? ['it is not shown'] : [], marks: [] };
  return compare(device, tap.model);
}

/**
 * At rest, packets of several queues are told apart only where those that leave a ring are counted. Elsewhere an agent does not rest beside
 * such a device, and what passes while one makes it rest is in none of its queues.
 */
function formsFor(agent: AgentLab, probes: Size['probes']): readonly Form[] {
  const isSplit = agent.mechanism('consumed') === 'fentry';
  return probes === undefined || isSplit ? FORMS : FORMS.filter(({ queues }) => queues === 1);
}

/** Reports the first difference of each tap; `sign` shows in its story where it was compared. */
function judge(tally: Tally, tap: Tap, { differences, marks }: Verdict, sign: string): void {
  tally.compared++;
  if (marks.length > 0) tally.marked++;
  for (const mark of marks) tally.marks.set(mark, (tally.marks.get(mark) ?? 0) + 1);
  tap.story.push(sign);
  const wrong = [...differences, ...(tap.form.settled ? marks.map((mark) => `marked: ${mark}`) : [])];
  if (wrong.length === 0 || tap.wrong) return;
  tap.wrong = true;
  tally.differences.push(`TAP=${tap.name.slice(1)} ${wrong.join('; ')}\n      ${tap.story.join(', ')}`);
}
