// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { at, listAt, numberAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import type { BenchReport, CellResult, PerfRun } from '../bench-report.ts';
import type { ThreadCounts } from '../perf-events.ts';
import { perfTable } from './perf-table.ts';

const NOTHING: ThreadCounts = {
  ...{ taskClockNs: undefined, pageFaults: undefined, contextSwitches: undefined, migrations: undefined },
  ...{ cycles: undefined, instructions: undefined, branches: undefined, branchMisses: undefined },
  ...{ stalledFrontend: undefined, counted: {} },
};

/** The cells of the table's rows; the header first. */
function rowsOf(perf: PerfRun): readonly (readonly string[])[] {
  const shape = { threads: 1, queues: 1, pinned: false, shape: 'sample01' } as const;
  const run = { seconds: 2, transmitted: 1, lost: 0, droppedBefore: 0, uncopied: 0, workerSeconds: undefined };
  const result: CellResult = {
    cell: { kind: 'send', id: 'tap/tail-drop', reader: 'tap', flow: 'tail-drop', ...shape },
    missing: null,
    runs: [{ ...run, disagreements: [], perf }],
  };
  const report: Pick<BenchReport, 'results'> = { results: [result] };
  return perfTable(report)
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const mails = listAt(parseJson(readFileSync('bench/mails.json', 'utf8')));

test('of the counts of the mail it makes the ten rows of the mail', () => {
  const measured = mails.flatMap((mail) =>
    at(mail, 'figures', 'perfStat') ? listAt(mail, 'figures', 'perfStat') : [],
  );
  assert.equal(measured.length, 4);
  for (const one of measured) {
    const count = (name: string): number => numberAt(one, 'counts', name);
    const shown = (name: string): number => numberAt(one, 'shown', name);
    const share = numberAt(one, 'branchMissesCountedPercent');
    const sender: ThreadCounts = {
      ...{ contextSwitches: count('contextSwitches'), migrations: count('migrations') },
      ...{ pageFaults: count('pageFaults'), taskClockNs: 1e6 * count('taskClockMs') },
      ...{ branchMisses: count('branchMisses'), branches: count('branches'), cycles: count('cycles') },
      ...{ instructions: count('instructions'), stalledFrontend: count('stalledFrontend') },
      counted: { branchMisses: share / 100 },
    };
    const rows = rowsOf({ seconds: numberAt(one, 'secondsElapsed'), sender, reader: NOTHING }).slice(1, 11);
    const figures = rows.map(([, what, figure = '']) => [what, Number.parseFloat(figure)] as const);
    // The mail rounds some more than this table does.
    const near = (name: string, to: number, digits: number): readonly [string, number] => {
      const found = figures.find(([what]) => what === name)?.[1] ?? Number.NaN;
      assert.ok(Math.abs(found - to) <= 0.51 * 10 ** -digits, `${textAt(one, 'side')}, ${name}: ${found}, not ${to}`);
      return [name, found];
    };
    assert.deepEqual(figures, [
      near('context-switches', shown('contextSwitches'), 1),
      near('cpu-migrations', shown('migrations'), 1),
      near('page-faults', shown('pageFaults'), 1),
      near('task-clock', shown('taskClock'), 1),
      near('branch-misses', shown('branchMisses'), 1),
      near('branches', shown('branches'), 1),
      near('cpu-cycles', shown('cycles'), 1),
      near('instructions', shown('instructions'), 1),
      near('stalled-cycles-frontend', shown('stalledFrontend'), 2),
      near('seconds elapsed', numberAt(one, 'secondsElapsed'), 2),
    ]);
    assert.match(rows[4]?.[2] ?? '', new RegExp(` \\(${share.toFixed(2)}%\\)$`));
    assert.doesNotMatch(rows[5]?.[2] ?? '', /\(/);
  }
});

test('a machine without hardware counters says so in their rows alone', () => {
  const reader = { ...NOTHING, taskClockNs: 1e9, contextSwitches: 3, migrations: 1, pageFaults: 0 };
  const rows = rowsOf({ seconds: 2, sender: NOTHING, reader }).slice(11, 21);
  assert.deepEqual(rows, [
    ['TAP', 'context-switches', '3.0/s', 'not measured'],
    ['the reader', 'cpu-migrations', '1.0/s', 'not measured'],
    ['', 'page-faults', '0.0/s', 'not measured'],
    ['', 'task-clock', '0.50 CPUs', 'not measured'],
    ['', 'branch-misses', 'no PMU here', 'not measured'],
    ['', 'branches', 'no PMU here', 'not measured'],
    ['', 'cpu-cycles', 'no PMU here', 'not measured'],
    ['', 'instructions', 'no PMU here', 'not measured'],
    ['', 'stalled-cycles-frontend', 'no PMU here', 'not measured'],
    ['', 'seconds elapsed', '2.00', 'not measured'],
  ]);
});

test('without the right to count, the rows of software say that', () => {
  const rows = rowsOf({ seconds: 2, sender: NOTHING, reader: NOTHING });
  assert.equal(rows[1]?.[2], 'not for this user');
});
