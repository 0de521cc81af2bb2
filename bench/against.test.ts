// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { listAt, numberAt, parseJson } from '../test/host/checked-json.ts';
import { randomOf, seedOf } from '../test/host/random.ts';
import { differences, type FigureDifference, type Judgement } from './against.ts';
import type { MessageCell, SendCell } from './bench-report.ts';
import type { SavedReport, SavedRun } from './saved-report.ts';

const message = (id: string): MessageCell => ({ kind: 'message', id, zeroCopy: false, size: 8192 });
const send: SendCell = {
  ...{ kind: 'send', id: 'tap', reader: 'tap', flow: 'tail-drop', threads: 1, queues: 1, pinned: false },
  shape: 'sample01',
};

const run = (transmitted: number, more: Partial<SavedRun> = {}): SavedRun => ({
  ...{ seconds: 1, transmitted, lost: 0, droppedBefore: 0, workerSeconds: undefined, disagreements: [], ...more },
});

const saved = (runs: Readonly<Record<string, readonly SavedRun[]>>): SavedReport => ({
  ...{ version: '1.2.3', kernel: '7.2', cpus: 2, seconds: 1, packetSize: 60, ring: 1000, agentRuns: false },
  host: { cpuModel: 'Some CPU', srso: undefined, mitigated: [], hardenedUsercopy: true, defaultQdisc: 'fq_codel' },
  guests: undefined,
  runs: new Map(Object.entries(runs)),
});

const kinds = (figures: readonly FigureDifference[]): readonly Judgement['kind'][] =>
  figures.map(({ judgement }) => judgement.kind);

const NONE = ['no-difference', 'no-difference', 'no-difference'];

/** `count` repeats around `rate`, 2 % apart. */
const around = (rate: number, count: number, more: Partial<SavedRun> = {}): readonly SavedRun[] =>
  Array.from({ length: count }, (_, index) => run(rate * (1 + (index % 5) / 100), more));

test('what differs, what does not, and what nobody can judge', () => {
  const cells = [send, message('zero-copy')];
  const judge = (before: readonly SavedRun[], after: readonly SavedRun[]): readonly Judgement['kind'][] =>
    kinds(differences([send], saved({ tap: before }), saved({ tap: after })));
  assert.deepEqual(judge(around(1000, 8), around(1200, 8)), ['differs', 'differs', 'no-difference']);
  assert.deepEqual(judge(around(1000, 8), around(1000, 8)), NONE);
  assert.deepEqual(judge(around(1000, 8), around(1020, 8)), NONE, 'below 3 %');
  assert.deepEqual(judge(around(1000, 7), around(1200, 8)), ['too-few', 'too-few', 'too-few']);
  assert.deepEqual(
    judge(around(1000, 8), around(1200, 8, { lost: 3 })),
    ['differs', 'differs', 'differs'],
    'from no loss to some',
  );
  assert.deepEqual(judge(around(1000, 8, { disagreements: ['x'] }), around(1200, 8)), ['wrong', 'wrong', 'wrong']);
  const [rate, , , messages] = differences(cells, saved({ tap: around(1000, 8) }), saved({ tap: around(1500, 8) }));
  assert.deepEqual(
    [rate?.change?.toFixed(3), messages?.judgement],
    ['0.500', { kind: 'not-measured', when: 'before' }],
  );
});

test('the more figures, the surer one must be: few repeats cannot show anything among many', () => {
  const cells = Array.from({ length: 80 }, (_, index) => message(`cell ${index}`));
  const side = (count: number, rate: number): SavedReport =>
    saved(Object.fromEntries(cells.map(({ id }, index) => [id, around(index === 0 ? rate : 1000, count)])));
  const few = differences(cells, side(8, 1000), side(8, 2000));
  assert.deepEqual(few[0]?.judgement, { kind: 'too-few', needed: 9 });
  const enough = differences(cells, side(9, 1000), side(9, 2000));
  assert.deepEqual(enough[0]?.judgement.kind, 'differs');
  assert.ok(
    enough.slice(2).every(({ figure, judgement }) => figure !== 'messages/s' || judgement.kind === 'no-difference'),
  );
});

/**
 * Repeats of 0.1 s of pktgen, which overruns a guest of vhost-net, on Linux 7.3.4 with one CPU whose clock counts instructions:
 * [seconds, transmitted, lost], in the order in which they were measured.
 */
const MEASURED = parseJson(readFileSync(join(import.meta.dirname, 'repeats-of-7.3.json'), 'utf8'));
const PAIRS = 20;
const REPEATS = 10;

/** How many of 20 comparisons show a difference, of real repeats that chance divides; the second side takes `cost` times as long. */
function shown(t: { diagnostic(message: string): void }, cost: number): number {
  const random = randomOf(seedOf(t));
  const measured = listAt(MEASURED, 'repeats').map((repeat) =>
    run(numberAt(repeat, 1), { seconds: numberAt(repeat, 0), lost: numberAt(repeat, 2) }),
  );
  assert.ok(measured.length >= 2 * REPEATS);
  const pairs = Array.from({ length: PAIRS }, () => {
    const left = [...measured];
    const draw = (factor: number): SavedReport =>
      saved({
        tap: Array.from({ length: REPEATS }, () => left.splice(random.below(left.length), 1))
          .flat()
          .map((one) => ({ ...one, seconds: one.seconds * factor })),
      });
    return differences([send], draw(1), draw(cost));
  });
  return pairs.filter((figures) => kinds(figures).includes('differs')).length;
}

test('20 pairs of runs without a difference: at most 1 is shown', (t) => {
  const found = shown(t, 1);
  assert.ok(found <= 1, `${found} shown`);
});

test('20 pairs of which the second takes 10 % more instructions: 19 or more are shown', (t) => {
  const found = shown(t, 1.1);
  assert.ok(found >= 19, `${found} shown`);
});
