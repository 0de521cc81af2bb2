// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CellResult, SendCell, WakeRun } from '../bench-report.ts';
import type { ThreadCounts } from '../perf-events.ts';
import { wakeTables } from './wake-table.ts';

const thread = (contextSwitches: number, migrations: number): ThreadCounts => ({
  ...{ taskClockNs: 1e9, pageFaults: 0, contextSwitches, migrations, counted: {} },
  ...{ cycles: undefined, instructions: undefined, branches: undefined, branchMisses: undefined },
  stalledFrontend: undefined,
});

function cell(flow: SendCell['flow'], apart: boolean, wakes: number): CellResult {
  const wake: WakeRun = {
    ...{ stops: wakes + 1, wakes, elsewhere: wakes / 2 },
    interrupts: { total: 9999, functionCalls: [60, 20], reschedules: [40, 0], netTx: [8, 32] },
  };
  const perf = { seconds: 2, sender: thread(100, 2), reader: thread(10, 0) };
  const run = { seconds: 2, transmitted: 1, lost: 0, droppedBefore: 0, uncopied: 0, workerSeconds: undefined };
  return {
    cell: {
      ...{ kind: 'send', id: `tap/${flow}/${apart}`, reader: 'tap', flow, threads: 1, queues: 1, pinned: true },
      ...(apart && { apart: true }),
      shape: 'sample01',
    },
    missing: null,
    runs: [{ ...run, disagreements: [], perf, wake }],
  };
}

function rowsOf(results: readonly CellResult[]): readonly string[] {
  return wakeTables({ results }).map((line) => line.replace(/ +/g, ' '));
}

test('a second has all, a wake what comes with it', () => {
  const rows = rowsOf([cell('tail-drop', true, 0), cell('backpressure', true, 40)]);
  const begin = rows.findIndex((row) => row.includes('reader on CPU 1')) - 1;
  assert.deepEqual(rows.slice(begin, begin + 10), [
    '| TAP | stops | 0.50 | 21 | not measured |',
    '| reader on CPU 1 | wakes | 0 | 20 | not measured |',
    '| | IPIs, function call | 40 | 40 | not measured |',
    '| | IPIs, rescheduling | 20 | 20 | not measured |',
    '| | context switches, pktgen | 50 | 50 | not measured |',
    '| | context switches, reader | 5.00 | 5.00 | not measured |',
    '| | migrations, pktgen | 1.00 | 1.00 | not measured |',
    '| | migrations, reader | 0 | 0 | not measured |',
    "| | TX softirqs, reader's CPU | 16 | 16 | not measured |",
    '| | TX softirqs, other CPUs | 4.00 | 4.00 | not measured |',
  ]);
  const second = rows.slice(rows.indexOf(''));
  const wake = second.findIndex((row) => row.includes('reader on CPU 1')) - 1;
  assert.deepEqual(second.slice(wake, wake + 9), [
    "| TAP | on another CPU than the sender's | 0.50 | not measured |",
    '| reader on CPU 1 | IPIs, function call | 2.00 | not measured |',
    '| | IPIs, rescheduling | 1.00 | not measured |',
    '| | context switches, pktgen | 2.50 | not measured |',
    '| | context switches, reader | 0.25 | not measured |',
    '| | migrations, pktgen | 0.05 | not measured |',
    '| | migrations, reader | 0 | not measured |',
    "| | TX softirqs, reader's CPU | 0.80 | not measured |",
    '| | TX softirqs, other CPUs | 0.20 | not measured |',
  ]);
});

test("the reader's CPU is that of the sender where it is not apart; a run without wakes has no figure for one", () => {
  const [shared, none] = [rowsOf([cell('backpressure', false, 40)]), rowsOf([cell('backpressure', false, 0)])];
  const line = (rows: readonly string[]): string | undefined =>
    rows.slice(rows.indexOf('')).find((row) => row.includes("TX softirqs, reader's CPU"));
  assert.equal(line(shared), "| | TX softirqs, reader's CPU | 0.20 | not measured |");
  assert.equal(line(none), "| | TX softirqs, reader's CPU | no wakes | not measured |");
});
