// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// `tapscope bench --against A --figures B`, as built: two files compared without root and without measuring.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { tapscope } from '../test/agent/serve-process.ts';
import { at, listAt, parseJson, textAt } from '../test/host/checked-json.ts';
import { assertValid } from '../test/host/valid-json.ts';
import { ALL_CELLS } from './cells.ts';

const KERNELS = { before: '7.2', after: '7.3' };
const [CELL] = ALL_CELLS;

function saved(kernel: string, rate: number, began: (index: number) => number): string {
  const runs = Array.from({ length: 8 }, (_, index) => ({
    ...{ began: began(index), seconds: 1, transmitted: rate + index, lost: 0, droppedBefore: 0, uncopied: 0 },
    disagreements: [],
  }));
  return JSON.stringify({
    ...{ schema: 1, version: '1.2.3', kernel, cpus: 4, seconds: 1, repeats: 8, packetSize: 60, ring: 1000 },
    ...{ pinnedTo: 0, agentRuns: false, host: { cpuModel: 'Some CPU', mitigated: [], tunPaths: [] } },
    results: [{ cell: CELL, missing: null, runs }],
  });
}

test('two files, measured in turn: hosts, figures, and what was judged; neither is touched', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'saved-files-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [before, after, late] = ['a.json', 'b.json', 'c.json'].map((name) => join(folder, name));
  assert.ok(before && after && late);
  writeFileSync(
    before,
    saved(KERNELS.before, 1000, (index) => 2 * index),
  );
  writeFileSync(
    after,
    saved(KERNELS.after, 1200, (index) => 2 * index + 1),
  );
  writeFileSync(
    late,
    saved(KERNELS.after, 1000, (index) => 100 + index),
  );
  const text = readFileSync(before, 'utf8');

  const differing = await tapscope(['bench', `--against=${before}`, `--figures=${after}`]);
  assert.equal(differing.code, 0, differing.stderr);
  assert.match(differing.stdout, /^Against .*a\.json: 2 of 3 figures differ\./);
  assert.match(differing.stdout, /^kernel +Linux 7\.2 +Linux 7\.3$/m);
  assert.match(differing.stdout, /were measured in turn, so what else/);

  const equal = await tapscope(['bench', `--against=${before}`, `--figures=${late}`]);
  assert.match(equal.stdout, /: no difference shown in 3 figures\./);
  assert.match(equal.stdout, /one after the other, not in turn/);

  const json = parseJson(
    (await tapscope(['bench', `--against=${before}`, `--figures=${after}`, '--format=json'])).stdout,
  );
  assertValid('bench', json);
  assert.deepEqual(
    [textAt(json, 'kernel'), listAt(json, 'against', 'figures').map((figure) => at(figure, 'judgement', 'kind'))],
    ['7.3', ['differs', 'differs', 'no-difference']],
  );
  assert.equal(readFileSync(before, 'utf8'), text);
});

test('files that cannot be compared, and flags that do not go together, are one sentence', async () => {
  const cases: readonly (readonly [words: readonly string[], message: RegExp])[] = [
    [['--figures=a.json'], /^tapscope: --figures is compared with another file: add --against /],
    [['--figures=a.json', '--against=b.json', '--save=c.json'], /^tapscope: --figures measures nothing /],
    [
      ['--figures=package.json', '--against=b.json'],
      /^tapscope: package\.json is not a file of tapscope bench --save\.$/m,
    ],
  ];
  for (const [words, message] of cases) {
    const { code, stdout, stderr } = await tapscope(['bench', ...words]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, message);
  }
});
