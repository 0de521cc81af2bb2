// SPDX-License-Identifier: Apache-2.0
// Namespaces that come and go, with taps whose queues come and go, under traffic of which each packet is counted.
import { setTimeout as wait } from 'node:timers/promises';
import { sumOf } from '../../src/engine/queue-sums.ts';
import { inNamespace, type NamespaceLab } from '../../test/host/netns.ts';
import type { Random } from '../../test/host/random.ts';
import type { FaultHost } from '../faults/fault-host.ts';
import { distance, WatchedTap } from '../faults/watched-tap.ts';
import type { SoakRecord } from './soak-record.ts';

const RING = 200;
const PER_SECOND = 50;
/** The most packets of a burst: at times more than the ring holds. */
const MOST_BURST = 600;
const MOST_TURNS = 12;
const MOST_PAUSE_MS = 3000;
/** A mark comes with the third snapshot that disagrees; a fault may have stopped the agent for two seconds. */
const SETTLED_WITHIN_MS = 12_000;
const LOOK_MS = 250;
/** The numbers of queues that taps have. */
const QUEUES = [1, 2];

interface Population {
  readonly host: FaultHost;
  readonly record: SoakRecord;
  readonly random: Random;
  isOver(): boolean;
}

/** Makes one namespace after another until the run is over. */
export async function inhabit(population: Population, place: number): Promise<void> {
  while (!population.isOver()) await inNamespace((lab) => live(population, lab, place));
}

async function live(population: Population, lab: NamespaceLab, place: number): Promise<void> {
  const { random } = population;
  const testReaders = [await lab.testReader(), await lab.testReader()] as const;
  const taps: WatchedTap[] = [];
  for (const queues of QUEUES) {
    const name = `faults${place}q${queues}`;
    const ids = Array.from({ length: queues }, (_, queue) => `${name}-${queue}`);
    taps.push(await WatchedTap.make(lab, name, RING, testReaders, ids));
  }
  for (const tap of taps) await tap.load(PER_SECOND);
  for (let turns = 1 + random.below(MOST_TURNS); turns > 0 && !population.isOver(); turns -= 1) {
    for (const tap of taps) await tap.burst(1 + random.below(MOST_BURST));
    if (random.below(3) === 0) await taps.at(-1)?.withoutQueue(1, () => wait(random.below(200)));
    if (random.below(3) === 0) await testReaders[0].length(taps[0]?.name ?? '', 1 + random.below(2 * RING));
    await wait(random.below(MOST_PAUSE_MS));
  }
  for (const tap of taps) await tap.unload();
  await compare(population, taps);
  for (const tap of taps) await tap.close();
}

/** Compares the taps with the page at rest, before they go. */
async function compare({ host, record }: Population, taps: readonly WatchedTap[]): Promise<void> {
  const judged = await Promise.all(taps.map((tap) => settled(host, tap)));
  const truths = taps.map((tap) => tap.truth());
  record.add({
    kind: 'life',
    s: record.now,
    taps: taps.length,
    sent: sumOf(truths.map(({ offered }) => offered)),
    lost: sumOf(truths.map(({ lost }) => lost)),
    wrong: sumOf(judged.map(({ wrong, isMarked }) => (isMarked ? 0 : wrong))),
    unanswered: judged.filter(({ isAnswered }) => !isAnswered).length,
    marked: judged.filter(({ isMarked }) => isMarked).length,
    details: judged.flatMap(({ details }) => details ?? []),
  });
}

interface Settled {
  /** A page came that was made after the last packet: without one there is nothing to compare. */
  readonly isAnswered: boolean;
  readonly wrong: number;
  readonly isMarked: boolean;
  /** What a person needs to judge a figure that is wrong or marked. */
  readonly details?: string;
}

/** Resolves when the page shows the tap right, or when the time is over. */
async function settled(host: FaultHost, tap: WatchedTap): Promise<Settled> {
  const began = performance.now();
  const truth = tap.truth();
  let deadline: number | undefined;
  for (;;) {
    const page = await host.pageSince(began).catch(() => undefined);
    if (page === undefined) return { isAnswered: false, wrong: 0, isMarked: false };
    deadline ??= performance.now() + SETTLED_WITHIN_MS;
    const shown = tap.shown(page);
    const wrong = shown ? distance(shown, truth) : truth.offered;
    if (wrong === 0) return { isAnswered: true, wrong, isMarked: false };
    if (performance.now() > deadline) {
      const lines = page.text
        .split('\n')
        .filter((line) => line.includes(`netns="${tap.lab.inode}",device="${tap.name}"`));
      const details = JSON.stringify({ tap: tap.name, truth, shown, lines });
      return { isAnswered: true, wrong, isMarked: shown !== undefined && tap.isMarked(page), details };
    }
    await wait(LOOK_MS);
  }
}
