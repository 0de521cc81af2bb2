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
/**
 * Samples before a comparison, where the level has changed: two that are equal are a rest, which sets right what moved while the level
 * was changed, and the next one shows it.
 */
const SETTLING = 2;

/**
 * What a change of level does depends on the taps. mixed: several queues keep programs attached, and all taps are counted. single: no program
 * is attached at rest. guest: the same until a tap of several queues comes, and again when it has gone; its queues are marked for a while.
 */
const KINDS = ['mixed', 'single', 'guest'] as const;

interface Play {
  readonly world: World;
  readonly agent: AgentLab;
  readonly tally: Tally;
  readonly probes: Size['probes'];
  /** Of the newest sample: the agent too lets a level last for a sample at least, for what passes without one is in no account. */
  sampledAt: Level | undefined;
}

export async function play(
  t: { after(undo: () => Promise<void>): void },
  agent: AgentLab,
  seed: number,
  { taps, rounds, only, probes }: Size,
): Promise<Tally> {
  const labs = [await namespaceLab(t), await namespaceLab(t)];
  const places = await Promise.all(labs.map(async (lab) => ({ lab, testReader: await lab.testReader() })));
  const kind = probes ? (KINDS[seed % KINDS.length] ?? 'mixed') : 'mixed';
  const world = new World(places, seed, { taps, forms: formsOf(kind, taps), only });
  const random = randomOf(seed);
  const gap = random.pick(GAPS) ?? 1;
  const tally: Tally = { steps: 0, compared: 0, marked: 0, marks: new Map(), levelChanges: 0, differences: [] };
  const one: Play = { world, agent, tally, probes, sampledAt: undefined };
  for (let round = 0; round < rounds; round++) {
    // Now and then snapshots are taken while the steps are.
    const looks = random.below(4) === 0 ? 1 + random.below(3) : 0;
    const level = probes && random.pick(LEVELS);
    const [, isChanged] = await Promise.all([
      playRound(one, looks),
      level !== undefined && changeLevel(one, level, random.below(ROUND_MS)),
    ]);
    // The first round makes the taps: several queues are told apart from the sample on that sees them.
    if (isChanged || (round === 0 && kind === 'mixed')) await settle(one);
    if (random.below(gap) === 0) await look(one);
  }
  await world.drain();
  if (probes && (await changeLevel(one, 'exact', 0))) await settle(one);
  for (let looks = 0; looks < 2; looks++) await look(one);
  // That marks of several queues end is tested where the level stays: it takes half a minute.
  if (probes && kind !== 'single') return tally;
  const ends = performance.now() + MARKED_MS;
  while ((await marked(one)) && performance.now() < ends) await wait(1000);
  await look(one, true);
  return tally;
}

function formsOf(kind: (typeof KINDS)[number], taps: number): readonly Form[] {
  if (kind === 'mixed') return FORMS;
  const single = FORMS.filter(({ queues }) => queues === 1);
  const guest = FORMS.filter(({ persistent }) => kind === 'guest' && !persistent);
  return Array.from({ length: taps }, (_, tap) => guest[tap] ?? single[tap % single.length] ?? FORMS[0]);
}

async function changeLevel(one: Play, level: Level, afterMs: number): Promise<boolean> {
  await wait(afterMs);
  const { probes, tally } = one;
  if (probes === undefined || level === one.sampledAt || probes.level() !== one.sampledAt) return false;
  probes.setLevel(level);
  tally.levelChanges++;
  return true;
}

/** The rows and the walk are read before this returns. */
function sample(one: Play): Promise<Snapshot> {
  one.sampledAt = one.probes?.level();
  return one.agent.snapshot();
}

async function settle(one: Play): Promise<void> {
  for (let samples = 0; samples < SETTLING; samples++) await sample(one);
}

async function marked(one: Play): Promise<boolean> {
  const { devices } = await sample(one);
  const { world } = one;
  const mine = devices.filter((device) => world.taps.some((tap) => world.isOf(device, tap)));
  return mine.some(({ degraded, queues }) => degraded.length + queues.flatMap((queue) => queue.degraded).length > 0);
}

async function playRound(one: Play, looks: number): Promise<void> {
  const { world, tally } = one;
  const models = world.taps.map(({ model }) => model);
  const round = world.round();
  const during: Snapshot[] = [];
  for (let i = 0; i < looks; i++) during.push(await sample(one));
  await round;
  tally.steps += world.taps.length;
  for (const { devices } of during)
    for (const [i, tap] of world.taps.entries()) {
      const device = devices.find((candidate) => world.isOf(candidate, tap));
      if (device && tap.model === models[i] && tap.model.age > 1)
        judge(tally, tap, compare(device, tap.model, true), '~');
    }
}

/** Compares all taps with their models at rest. `last`: no mark may be left. */
async function look(one: Play, last = false): Promise<void> {
  const { devices } = await sample(one);
  const { world, tally } = one;
  for (const tap of world.taps) {
    const { inode } = world.placeOf(tap).lab;
    const device = devices.find((candidate) => candidate.netns === inode && candidate.name === tap.name);
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
