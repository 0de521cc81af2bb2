// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FAULTS } from './all-faults.ts';
import { isGood, type Round } from './fault.ts';
import { complaints, faultTable, renewed } from './fault-table.ts';

const GOOD: Round = { wrong: 0, isMarked: false, left: [], recoveryMs: 10, failure: undefined };

test('a round is bad by a wrong packet, by what it left, and by a failure', () => {
  const played = (round: Partial<Round>) => ({ name: 'x', rounds: [GOOD, { ...GOOD, ...round }], grown: undefined });
  assert.ok(isGood(played({})) && isGood(played({ isMarked: true })));
  for (const bad of [{ wrong: 1 }, { left: ['prog 1 tun'] }, { failure: 'no page' }]) {
    assert.ok(!isGood(played(bad)));
    assert.match(complaints(played(bad)).join(), /^x, round 2: .*(?:wrong by 1|prog 1 tun|no page)/);
    assert.match(faultTable([played(bad)]), /not as they should be: 1\./);
  }
});

test('the table has packets, rounds and times', () => {
  const rounds = [GOOD, { ...GOOD, recoveryMs: 20, isMarked: true }, { ...GOOD, recoveryMs: 30.4, left: ['a', 'b'] }];
  assert.match(faultTable([{ name: 'x', rounds, grown: 0 }]), /^\| x \| 3 \| 0 \| 1 \| 2 \| 20 ms \| 30 ms \| /m);
});

test('what is played anew replaces its own row of the page', () => {
  const table = (name: string, round: Partial<Round>): string =>
    faultTable([{ name, rounds: [{ ...GOOD, ...round }], grown: undefined }]);
  const page = renewed(table('x', { failure: 'no page' }), table('y', { wrong: 3 }));
  assert.match(page, /2 faults in 2 rounds, of them not as they should be: 2\./);
  const mended = renewed(page, table('x', {}));
  assert.match(mended, /^\| x \| 1 \| 0 \| 0 \| 0 \|.*\n\| y \| 1 \| 3 \|/m);
  assert.match(mended, /2 faults in 2 rounds, of them not as they should be: 1\./);
});

test('each row has the command that plays its fault, and a shell takes its name as one word', () => {
  const rows = faultTable([{ name: 'x, y', rounds: [{ ...GOOD, wrong: 1 }], grown: undefined }]);
  assert.match(rows, /^\| x, y \|.*\| `npm run test:faults -- 'x, y'` \|$/m);
  assert.match(
    renewed(rows, ''),
    /^\| x, y \| 1 \| 1 \| 0 \| 0 \| 10 ms \| 10 ms \| `npm run test:faults -- 'x, y'` \|$/m,
  );
  for (const { name } of FAULTS) assert.doesNotMatch(name, /['|`]/);
});

test('each fault has its own name, and docs/reliability.md has each', () => {
  const names = FAULTS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  const page = readFileSync('docs/reliability.md', 'utf8');
  assert.deepEqual(
    names.filter((name) => !page.includes(`| ${name} |`)),
    [],
  );
});
