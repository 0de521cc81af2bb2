// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Files for `bench --against`: what was saved is read back, and anything else is one sentence.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { objectionTo } from './baseline.ts';
import type { BenchReport, MessageCell } from './bench-report.ts';
import { readSavedReport, savedReport } from './saved-report.ts';
import { reportJson } from './tables/bench-text.ts';

const cell: MessageCell = { kind: 'message', id: 'zero-copy/on/size=8192', zeroCopy: true, size: 8192 };
const run = { seconds: 2, transmitted: 9, lost: 0, droppedBefore: 0, uncopied: 9, workerSeconds: 1, disagreements: [] };
const report: BenchReport = {
  ...{ schema: 1, version: '1.2.3', kernel: '7.3', cpus: 4, seconds: 2, repeats: 8, packetSize: 60, ring: 1000 },
  ...{ pinnedTo: 0, agentRuns: false },
  host: {
    cpuModel: 'Some CPU',
    srso: undefined,
    mitigated: ['srso'],
    hardenedUsercopy: true,
    defaultQdisc: 'fq_codel',
    tunPaths: [],
  },
  results: [{ cell, missing: null, runs: Array.from({ length: 8 }, () => run) }],
};

test('what was saved is read back', () => {
  const { kernel, host, guests, runs } = savedReport(reportJson(report), 'a.json');
  assert.deepEqual([kernel, host.mitigated, host.srso, guests], ['7.3', ['srso'], undefined, undefined]);
  const { uncopied, ...kept } = run;
  assert.deepEqual([uncopied, runs.get(cell.id)?.length, runs.get(cell.id)?.[0]], [9, 8, kept]);
});

test('what is no saved bench, of an older tapscope, cut off or damaged is refused in one sentence', () => {
  const text = reportJson(report);
  const { host, ...older } = report;
  assert.ok(host);
  const cases: readonly (readonly [text: string, message: string])[] = [
    ['', 'a.json is not a file of tapscope bench --save.'],
    ['hello', 'a.json is not a file of tapscope bench --save.'],
    ['[]', 'a.json is not a file of tapscope bench --save.'],
    ['{"devices":[]}', 'a.json is not a file of tapscope bench --save.'],
    [text.slice(0, 900), 'a.json is cut off or damaged: copy or measure it again.'],
    [
      text.replace('"schema": 1', '"schema": 7'),
      'a.json has the schema 7, and this tapscope reads 1: measure it again.',
    ],
    [
      JSON.stringify(older),
      'a.json is of an older tapscope, which did not write what its host was: measure it again with --save.',
    ],
    [
      text.replace('"transmitted": 9', '"transmitted": "many"'),
      'a.json is damaged: results[0].runs[0].transmitted is not a number.',
    ],
    [text.replace('"seconds": 2', '"seconds": 1e999'), 'a.json is damaged: seconds is not a number.'],
  ];
  for (const [damaged, message] of cases) assert.throws(() => savedReport(damaged, 'a.json'), { message });
});

test('a file that is not there, or no file, is refused in one sentence', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'saved-report-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'a.json');
  await assert.rejects(readSavedReport(file), {
    message: `${file} cannot be read: ENOENT: no such file or directory.`,
  });
  await assert.rejects(readSavedReport(folder), {
    message: `${folder} cannot be read: it is a folder, not a regular file.`,
  });
  writeFileSync(file, reportJson(report));
  assert.equal((await readSavedReport(file)).cpus, 4);
});

test('of another host, of other repeats or without these cells: no comparison is begun', () => {
  const then = savedReport(reportJson(report), 'a.json');
  const now = { cpuModel: 'Some CPU', cpus: 4, seconds: 2, packetSize: 60, ring: 1000 };
  assert.equal(objectionTo(then, [cell], now), undefined);
  const objection = (more: Partial<typeof now>): string => objectionTo(then, [cell], { ...now, ...more }) ?? '';
  assert.match(objection({ cpus: 2 }), /^is of another host \(Some CPU, 4 CPUs; this one: Some CPU, 2\), so /);
  assert.match(objection({ cpuModel: 'Other' }), /^is of another host /);
  assert.match(objection({ seconds: 0.5 }), /^has repeats of 2 s, and these have 0\.5 s: add --seconds=2, /);
  assert.match(objection({ ring: 500 }), /^has packets of 60 bytes and rings of 1000, /);
  assert.match(
    objectionTo(then, [{ ...cell, id: 'other' }], now) ?? '',
    /^has no figures of the cells that were chosen/,
  );
  const few = { ...report, results: [{ cell, missing: null, runs: [run, run, run] }] };
  assert.match(
    objectionTo(savedReport(reportJson(few), 'a.json'), [cell], now) ?? '',
    /^has 3 repeats of each cell, and 8 are the fewest /,
  );
});
