// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Repeats that several runs add to one file: all are kept, in their order, and those of another host, kernel or length are refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listAt, numberAt, parseJson, textAt } from '../test/host/checked-json.ts';
import type { BenchReport, CellResult, MessageCell, Run } from './bench-report.ts';
import { areInTurn, objectionToAdding, withEarlier } from './repeats.ts';
import { savedReport } from './saved-report.ts';
import { reportJson } from './tables/bench-text.ts';

const cell = (id: string): MessageCell => ({ kind: 'message', id, zeroCopy: true, size: 8192 });
const run = (began: number, transmitted: number): Run => ({
  ...{ began, seconds: 2, transmitted, lost: 0, droppedBefore: 0, uncopied: 7, workerSeconds: 1, disagreements: [] },
});
const result = (id: string, ...runs: readonly Run[]): CellResult => ({
  ...{ cell: cell(id), missing: runs.length > 0 ? null : 'needs vhost_net', runs },
});
const report = (results: readonly CellResult[], more: Partial<BenchReport> = {}): string =>
  reportJson({
    ...{ schema: 1, version: '1.2.3', kernel: '7.3', cpus: 4, seconds: 2, repeats: 1, packetSize: 60, ring: 1000 },
    ...{ pinnedTo: 0, agentRuns: false },
    host: {
      ...{ cpuModel: 'Some CPU', srso: undefined, mitigated: [], hardenedUsercopy: true, defaultQdisc: 'fq_codel' },
      tunPaths: [],
    },
    results,
    ...more,
  });

test('the later repeats are behind the earlier ones, whole, and a cell that one run could not measure is measured', () => {
  const first = report([result('a', run(1, 10)), result('b'), result('c', run(2, 30))]);
  const second = report([result('a', run(3, 11)), result('b', run(4, 20)), result('d', run(5, 40))]);
  const both = parseJson(withEarlier(first, 'a.json', second));
  const found = listAt(both, 'results').map((one) => [
    textAt(one, 'cell', 'id'),
    ...listAt(one, 'runs').map((repeat) => numberAt(repeat, 'transmitted')),
  ]);
  assert.deepEqual(found, [
    ['a', 10, 11],
    ['b', 20],
    ['c', 30],
    ['d', 40],
  ]);
  assert.deepEqual(
    [numberAt(both, 'repeats'), numberAt(both, 'results', 0, 'runs', 0, 'uncopied'), listAt(both, 'results').length],
    [2, 7, 4],
  );
  assert.equal(savedReport(JSON.stringify(both), 'both').runs.get('a')?.length, 2);
});

test('what is of another host, kernel, tapscope or length of repeats is refused in one sentence', () => {
  const there = savedReport(report([result('a', run(1, 10))]), 'a.json');
  const here = { ...there, cpuModel: there.host.cpuModel };
  assert.equal(objectionToAdding(there, here), undefined);
  const cases: readonly (readonly [Partial<typeof here>, string, string])[] = [
    [{ kernel: '7.2' }, 'Linux 7.3', 'Linux 7.2'],
    [{ cpuModel: 'Other' }, 'Some CPU, 4 CPUs', 'Other, 4 CPUs'],
    [{ cpus: 2 }, 'Some CPU, 4 CPUs', 'Some CPU, 2 CPUs'],
    [{ version: '1.2.4' }, 'tapscope 1.2.3', 'tapscope 1.2.4'],
    [{ seconds: 0.5 }, 'repeats of 2 s', 'repeats of 0.5 s'],
    [{ packetSize: 90 }, 'packets of 60 bytes', 'packets of 90 bytes'],
    [{ ring: 500 }, 'rings of 1000', 'rings of 500'],
  ];
  for (const [more, then, now] of cases)
    assert.equal(
      objectionToAdding(there, { ...here, ...more }),
      `has figures of ${then}, and these would be of ${now}: save them in another file, and compare the two with --against.`,
    );
  const older = report([result('a', run(1, 10))]);
  assert.throws(() => withEarlier(older, 'a.json', report([result('a', run(3, 11))], { kernel: '7.2' })), {
    message: /^a\.json has figures of Linux 7\.3, /,
  });
  assert.throws(() => withEarlier(older.slice(0, 300), 'a.json', older), { message: /^a\.json is cut off or damaged/ });
});

test('A B A B is in turn, A A B B is not, and who does not say when is not known', () => {
  const at = (...begun: readonly (number | undefined)[]): ReturnType<typeof savedReport> =>
    savedReport(report([result('a', ...begun.map((began) => ({ ...run(0, 10), began })))]), 'a.json');
  assert.equal(areInTurn(at(1, 3, 5, 7), at(2, 4, 6, 8)), true);
  assert.equal(areInTurn(at(1, 4, 5, 8), at(2, 3, 6, 7)), true, 'A B B A');
  assert.equal(areInTurn(at(1, 2, 3, 4), at(5, 6, 7, 8)), false);
  assert.equal(areInTurn(at(1, undefined), at(2, 4)), undefined);
});
